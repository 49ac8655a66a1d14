// Package fault is the closed list of failures that a client can act on.
//
// It owns the codes, the finer reasons and the error type that carries them
// from the pure packages and the services to the edge. It does not own how a
// failure looks on the wire (server) nor what the database calls it (database).
// An error that is not a *fault.Error is the platform's own failure: it is
// logged and shown as INTERNAL.
package fault

import (
	"errors"
	"fmt"
)

// Code is what a client branches on. The list is closed and append-only; the
// README's table is checked against Codes by a test.
type Code string

// The codes of errors that Headwater raises itself.
const (
	Unauthenticated         Code = "UNAUTHENTICATED"
	Forbidden               Code = "FORBIDDEN"
	NotFound                Code = "NOT_FOUND"
	Invalid                 Code = "INVALID"
	Conflict                Code = "CONFLICT"
	LimitExceeded           Code = "LIMIT_EXCEEDED"
	RateLimited             Code = "RATE_LIMITED"
	SettingLocked           Code = "SETTING_LOCKED"
	SettingOutOfBounds      Code = "SETTING_OUT_OF_BOUNDS"
	PlanStale               Code = "PLAN_STALE"
	OrganizationLocked      Code = "ORGANIZATION_LOCKED"
	OrganizationDeactivated Code = "ORGANIZATION_DEACTIVATED"
	OwnerImmutable          Code = "OWNER_IMMUTABLE"
	PeriodClosed            Code = "PERIOD_CLOSED"
	Internal                Code = "INTERNAL"
)

// The codes that the GraphQL executor raises before a resolver runs.
const (
	GraphQLParseFailed      Code = "GRAPHQL_PARSE_FAILED"
	GraphQLValidationFailed Code = "GRAPHQL_VALIDATION_FAILED"
	ComplexityLimitExceeded Code = "COMPLEXITY_LIMIT_EXCEEDED"
	PersistedQueryNotFound  Code = "PERSISTED_QUERY_NOT_FOUND"
)

// Codes returns every code a client can receive, in the order of the README.
func Codes() []Code {
	return []Code{
		Unauthenticated, Forbidden, NotFound, Invalid, Conflict, LimitExceeded, RateLimited,
		SettingLocked, SettingOutOfBounds, PlanStale, OrganizationLocked, OrganizationDeactivated,
		OwnerImmutable, PeriodClosed, Internal,
		GraphQLParseFailed, GraphQLValidationFailed, ComplexityLimitExceeded, PersistedQueryNotFound,
	}
}

// Reason names a failure more finely than its code, for clients that show a
// different text or form per case.
type Reason string

// The reasons and the code each belongs to.
const (
	OwnerCannotLeave      Reason = "OWNER_CANNOT_LEAVE"      // OWNER_IMMUTABLE
	QuotaExceeded         Reason = "QUOTA_EXCEEDED"          // LIMIT_EXCEEDED
	BuiltinImmutable      Reason = "BUILTIN_IMMUTABLE"       // CONFLICT
	ManagedReadonly       Reason = "MANAGED_READONLY"        // CONFLICT
	OrgNotEmpty           Reason = "ORG_NOT_EMPTY"           // CONFLICT
	HasManagedOrgs        Reason = "HAS_MANAGED_ORGS"        // CONFLICT
	ProjectNotEmpty       Reason = "PROJECT_NOT_EMPTY"       // CONFLICT
	AlreadyMember         Reason = "ALREADY_MEMBER"          // CONFLICT
	AlreadyInvited        Reason = "ALREADY_INVITED"         // CONFLICT
	InvitationNotPending  Reason = "INVITATION_NOT_PENDING"  // CONFLICT
	PaymentMethodRequired Reason = "PAYMENT_METHOD_REQUIRED" // CONFLICT
	VersionMismatch       Reason = "VERSION_MISMATCH"        // CONFLICT
	NameTaken             Reason = "NAME_TAKEN"              // CONFLICT
	Maintenance           Reason = "MAINTENANCE"             // FORBIDDEN
	NoSeat                Reason = "NO_SEAT"                 // FORBIDDEN
	NotActivated          Reason = "NOT_ACTIVATED"           // CONFLICT
)

// Error is a failure that a client can act on. Message is shown to the client
// and must not hold a secret nor anything the viewer may not see.
type Error struct {
	Code    Code
	Message string
	// Field is the path of the offending input field, for INVALID.
	Field string
	// Reason is the finer name, where there is one.
	Reason Reason
	// Details are further extensions of the answer, such as lockedBy.
	Details map[string]any
	// Err is the cause; it is logged and never shown.
	Err error
}

// Error returns the code and the message, without the cause.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Because returns a copy of the error that carries the finer reason.
func (e *Error) Because(reason Reason) *Error {
	c := *e
	c.Reason = reason
	return &c
}

// With returns a copy of the error with one more extension.
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Details = make(map[string]any, len(e.Details)+1)
	for k, v := range e.Details {
		c.Details[k] = v
	}
	c.Details[key] = value
	return &c
}

// New returns an error of the code with a formatted message.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalidf returns an INVALID error that names the input field.
func Invalidf(field, format string, args ...any) *Error {
	return &Error{Code: Invalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Missing returns the NOT_FOUND error for a noun. It says the same for what
// does not exist and for what lies outside the viewer's tree.
func Missing(noun string) *Error {
	return &Error{Code: NotFound, Message: noun + " not found"}
}

// CodeOf returns the code of the first *Error in the chain, INTERNAL for any
// other error, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var f *Error
	if errors.As(err, &f) {
		return f.Code
	}
	return Internal
}
