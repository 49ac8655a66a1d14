package scim

import (
	"encoding/json"
	"errors"
	"net/http"

	scimerrors "github.com/elimity-com/scim/errors"

	"github.com/headwater-platform/headwater/fault"
)

const contentType = "application/scim+json"

// scimType is the key under which a fault carries the finer name of SCIM.
const scimType = "scimType"

// refused returns INVALID with the finer name of SCIM.
func refused(as scimerrors.ScimType, format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).With(scimType, as)
}

// fromLibrary turns an error of the library into a fault.
func fromLibrary(err *scimerrors.ScimError) error {
	return fault.New(fault.Invalid, "%s", err.Detail).With(scimType, err.ScimType)
}

// errPrecondition is that of a request whose If-Match names another version.
func errPrecondition() error {
	return fault.New(fault.Conflict, "the resource has another version").Because(fault.VersionMismatch)
}

// Refuse writes a fault as SCIM has it. The status is that of a request which was
// stopped before it got here; 0 takes the one of the fault.
func Refuse(w http.ResponseWriter, f fault.Error, status int) {
	said := scimerrors.ScimError{Status: status, Detail: f.Message, ScimType: typeOf(f)}
	if said.Status == 0 {
		said.Status = Status(&f)
	}
	if f.Field != "" {
		said.Detail = f.Field + ": " + f.Message
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(said.Status)
	_ = json.NewEncoder(w).Encode(said) // the client has gone away if this fails
}

// Status returns the status of an error.
func Status(err error) int {
	var f *fault.Error
	if !errors.As(err, &f) {
		return http.StatusInternalServerError
	}
	switch f.Code { //nolint:exhaustive // every other fault is a bad request
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden, fault.OrganizationLocked, fault.OrganizationDeactivated, fault.OwnerImmutable, fault.LimitExceeded:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.RateLimited:
		return http.StatusTooManyRequests
	case fault.Internal:
		return http.StatusInternalServerError
	case fault.Conflict:
		return conflictStatus(f.Reason)
	}
	return http.StatusBadRequest
}

func conflictStatus(reason fault.Reason) int {
	switch reason { //nolint:exhaustive // every other conflict is one
	case fault.VersionMismatch:
		return http.StatusPreconditionFailed
	case fault.BuiltinImmutable, fault.ManagedReadonly:
		return http.StatusBadRequest
	}
	return http.StatusConflict
}

// typeOf returns the finer name of a fault, which SCIM has for bad requests and
// for what is taken.
func typeOf(f fault.Error) scimerrors.ScimType {
	if given, ok := f.Details[scimType].(scimerrors.ScimType); ok {
		return given
	}
	switch {
	case f.Reason == fault.NameTaken, f.Reason == fault.AlreadyMember, f.Reason == fault.AlreadyInvited:
		return scimerrors.ScimTypeUniqueness
	case f.Reason == fault.BuiltinImmutable, f.Reason == fault.ManagedReadonly:
		return scimerrors.ScimTypeMutability
	case f.Code == fault.Invalid && f.Field != "":
		return scimerrors.ScimTypeInvalidValue
	}
	return ""
}
