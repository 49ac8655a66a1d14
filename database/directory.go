package database

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// DirectoryColumn is a fact of the people and groups of an organization by which
// its directory selects and sorts them.
type DirectoryColumn string

// The columns. Groups have an id, a name, an external id, the times and members;
// people have all but members, and groups instead.
const (
	DirectoryID         DirectoryColumn = "id"
	DirectoryUserName   DirectoryColumn = "user_key"
	DirectoryEmail      DirectoryColumn = "email_key"
	DirectoryName       DirectoryColumn = "name"
	DirectoryGivenName  DirectoryColumn = "given_name"
	DirectoryFamilyName DirectoryColumn = "family_name"
	DirectoryActive     DirectoryColumn = "active"
	DirectoryExternalID DirectoryColumn = "external_id"
	DirectoryCreated    DirectoryColumn = "created_at"
	DirectoryModified   DirectoryColumn = "modified_at"
	// DirectoryMembers are those of a group, DirectoryGroups those of a person.
	DirectoryMembers DirectoryColumn = "members"
	DirectoryGroups  DirectoryColumn = "groups"
)

// DirectoryComparison is how a column is compared with a value.
type DirectoryComparison string

// The comparisons.
const (
	DirectoryEqual      DirectoryComparison = "="
	DirectoryNotEqual   DirectoryComparison = "<>"
	DirectoryLess       DirectoryComparison = "<"
	DirectoryLessEqual  DirectoryComparison = "<="
	DirectoryMore       DirectoryComparison = ">"
	DirectoryMoreEqual  DirectoryComparison = ">="
	DirectoryContains   DirectoryComparison = "contains"
	DirectoryStartsWith DirectoryComparison = "starts with"
	DirectoryEndsWith   DirectoryComparison = "ends with"
	DirectoryPresent    DirectoryComparison = "is present"
)

// DirectoryTerm is a condition: all of some, any of some, the opposite of one, or
// a comparison. The value is a text, a bool, a time.Time or a uuid.UUID, as the
// column is; texts but for external ids are compared without regard to case. A
// time is not looked for in a text, nor an id but for being equal.
type DirectoryTerm struct {
	All, Any   []DirectoryTerm
	Not        *DirectoryTerm
	Column     DirectoryColumn
	Comparison DirectoryComparison
	Value      any
}

// DirectoryQuery asks for a page of the people or groups of one organization.
// Whoever asks has checked that the viewer may see them all.
type DirectoryQuery struct {
	Organization uuid.UUID
	// Now is when invitations that have expired by then are left out.
	Now time.Time
	// Where is nil for all.
	Where *DirectoryTerm
	// Sort is "" for the order of age.
	Sort          DirectoryColumn
	Descending    bool
	Offset, Limit int
}

// DirectoryPerson is a member of an organization, or somebody whom its directory
// has invited and who will be one.
type DirectoryPerson struct {
	ID       uuid.UUID
	Account  uuid.UUID // nil while it is pending
	Pending  bool
	Homed    bool // the organization administers the account
	UserName string
	Email    string
	Name     string
	// GivenName and FamilyName are what the directory said, else the first word of
	// the name and the rest.
	GivenName, FamilyName string
	Active                bool
	ExternalID            string
	CreatedAt, ModifiedAt time.Time
	// Version changes with everything that is told of the person.
	Version string
}

// DirectoryGroup is a group of an organization.
type DirectoryGroup struct {
	ID                    uuid.UUID
	Name                  string
	ExternalID            string
	CreatedAt, ModifiedAt time.Time
	// Version changes with everything that is told of the group.
	Version string
}

// DirectoryPeople returns a page of people and how many there are on all pages,
// in two statements.
func (tx *Tx) DirectoryPeople(ctx context.Context, q DirectoryQuery) ([]DirectoryPerson, int, error) {
	people := []DirectoryPerson{}
	total, err := tx.directoryPage(ctx, q, (*statement).directoryPeople, `p.account_id, p.pending, p.homed, p.user_name, p.email, p.name, p.given_name, p.family_name, p.active,
		(SELECT COUNT(*) FROM group_members g WHERE g.membership_id = p.id),
		COALESCE((SELECT MAX(CAST(g.id AS TEXT)) FROM group_members g WHERE g.membership_id = p.id), '')`,
		func(rows *sql.Rows, common *directoryRow) error {
			var p DirectoryPerson
			var account uuid.NullUUID
			err := rows.Scan(append(common.targets(), &account, &p.Pending, &p.Homed, &p.UserName, &p.Email, &p.Name, &p.GivenName, &p.FamilyName, &p.Active, &common.places, &common.lastPlace)...)
			p.ID, p.Account, p.ExternalID = common.id, account.UUID, common.externalID
			p.CreatedAt, p.ModifiedAt, p.Version = time.Time(common.created), common.modifiedAt(), common.versionOf()
			people = append(people, p)
			return err
		})
	return people, total, err
}

// DirectoryGroups returns a page of groups and how many there are on all pages, in
// two statements.
func (tx *Tx) DirectoryGroups(ctx context.Context, q DirectoryQuery) ([]DirectoryGroup, int, error) {
	groups := []DirectoryGroup{}
	total, err := tx.directoryPage(ctx, q, (*statement).directoryGroups, `p.name,
		(SELECT COUNT(*) FROM group_members g WHERE g.group_id = p.id),
		COALESCE((SELECT MAX(CAST(g.id AS TEXT)) FROM group_members g WHERE g.group_id = p.id), '')`,
		func(rows *sql.Rows, common *directoryRow) error {
			var g DirectoryGroup
			err := rows.Scan(append(common.targets(), &g.Name, &common.places, &common.lastPlace)...)
			g.ID, g.ExternalID = common.id, common.externalID
			g.CreatedAt, g.ModifiedAt, g.Version = time.Time(common.created), common.modifiedAt(), common.versionOf()
			groups = append(groups, g)
			return err
		})
	return groups, total, err
}

// directoryRow is what people and groups have in common.
type directoryRow struct {
	id         uuid.UUID
	externalID string
	created    instant
	modified   *instant
	version    string
	revision   sql.NullInt64
	places     int
	lastPlace  string
}

func (r *directoryRow) targets() []any {
	return []any{&r.id, &r.externalID, &r.created, &r.version, &r.revision, &r.modified}
}

func (r *directoryRow) modifiedAt() time.Time {
	if r.modified == nil {
		return time.Time(r.created)
	}
	return time.Time(*r.modified)
}

// versionOf returns a text that is another after every change: places in groups
// only ever get later ids, so the same number with the same last one are the same.
func (r *directoryRow) versionOf() string {
	return r.version + "." + strconv.Itoa(r.places) + "." + r.lastPlace
}

// directoryPage counts what a query selects and reads a page of it.
func (tx *Tx) directoryPage(ctx context.Context, q DirectoryQuery, relation func(*statement, DirectoryQuery), columns string, scan func(*sql.Rows, *directoryRow) error) (int, error) {
	total, err := tx.directoryCount(ctx, q, relation)
	if err != nil || total <= q.Offset || q.Limit == 0 {
		return total, err
	}
	s := tx.db.statement()
	relation(s, q)
	s.write(" SELECT p.id, p.external_id, p.created_at, p.version, p.revision, e.at, ", columns,
		" FROM (SELECT p.*, (SELECT MAX(c.revision) FROM journal_changes c WHERE c.resource_id = p.id OR c.resource_id = p.account_id) AS revision FROM (SELECT p.* FROM listed p WHERE ")
	s.directoryWhere(q.Where)
	order := s.directoryOrder(q)
	s.write(" ORDER BY ", order, " LIMIT ", strconv.Itoa(q.Limit), " OFFSET ", strconv.Itoa(q.Offset),
		") p) p LEFT JOIN journal_entries e ON e.id = p.revision ORDER BY ", order)
	err = tx.each(ctx, s, func(rows *sql.Rows) error { return scan(rows, &directoryRow{}) })
	if err != nil {
		return 0, fmt.Errorf("list directory: %w", err)
	}
	return total, nil
}

func (tx *Tx) directoryCount(ctx context.Context, q DirectoryQuery, relation func(*statement, DirectoryQuery)) (int, error) {
	s := tx.db.statement()
	relation(s, q)
	s.write(" SELECT COUNT(*) FROM listed p WHERE ")
	s.directoryWhere(q.Where)
	var total int
	err := tx.each(ctx, s, func(rows *sql.Rows) error { return rows.Scan(&total) })
	if err != nil {
		return 0, fmt.Errorf("count directory: %w", err)
	}
	return total, nil
}

// directoryPeople writes the relation of an organization's people: its members,
// and whom its directory has invited.
func (s *statement) directoryPeople(q DirectoryQuery) {
	organization := s.arg(q.Organization)
	s.write(`WITH listed AS (
		SELECT m.id, m.user_id AS account_id, FALSE AS pending, COALESCE(u.home_organization_id = m.organization_id, FALSE) AS homed,
			CASE WHEN m.directory_key <> '' THEN m.directory_name ELSE u.username END AS user_name,
			CASE WHEN m.directory_key <> '' THEN m.directory_key ELSE u.username_key END AS user_key,
			u.email, u.email_key, u.name, `, s.givenName("m", "u"), ` AS given_name, `, s.familyName("m", "u"), ` AS family_name,
			NOT m.locked AS active, m.external_id, m.created_at, CAST(m.version AS TEXT) || '.' || CAST(u.version AS TEXT) AS version
		FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.organization_id = `, organization, `
		UNION ALL
		SELECT i.id, NULL, TRUE, FALSE, i.directory_name, i.directory_key, i.email, i.email_key, i.name, `,
		s.givenName("i", "i"), ", ", s.familyName("i", "i"), `,
			NOT i.locked, i.external_id, i.created_at, CAST(i.version AS TEXT)
		FROM invitations i WHERE i.organization_id = `, organization, ` AND i.kind = 'MEMBERSHIP' AND i.status = 'PENDING'
			AND i.directory_key <> '' AND i.expires_at > `, s.arg(q.Now), ")")
}

// givenName returns the expression of somebody's given name: what the directory
// said of them, else the first word of the name.
func (s *statement) givenName(said, named string) string {
	name := named + ".name"
	return "CASE WHEN " + said + ".given_name <> '' OR " + said + ".family_name <> '' THEN " + said + ".given_name ELSE " +
		"substr(" + name + ", 1, " + s.position(name+" || ' '", "' '") + " - 1) END"
}

// familyName returns the expression of somebody's family name.
func (s *statement) familyName(said, named string) string {
	name := named + ".name"
	return "CASE WHEN " + said + ".given_name <> '' OR " + said + ".family_name <> '' THEN " + said + ".family_name ELSE " +
		"substr(" + name + ", " + s.position(name+" || ' '", "' '") + " + 1) END"
}

// position returns the expression of where a text stands in another, 0 for nowhere.
func (s *statement) position(in, text string) string {
	if s.postgres {
		return "strpos(" + in + ", " + text + ")"
	}
	return "instr(" + in + ", " + text + ")"
}

// directoryGroups writes the relation of an organization's groups.
func (s *statement) directoryGroups(q DirectoryQuery) {
	s.write(`WITH listed AS (
		SELECT g.id, g.id AS account_id, g.name, g.name_key AS user_key, g.external_id, g.created_at, CAST(g.version AS TEXT) AS version
		FROM groups g WHERE g.organization_id = `, s.arg(q.Organization), ")")
}

// directoryOrder returns what a page is sorted by. Texts are sorted by their bytes,
// which is the same order on every database.
func (s *statement) directoryOrder(q DirectoryQuery) string {
	direction := " ASC"
	if q.Descending {
		direction = " DESC"
	}
	byAge := "p.created_at" + direction + ", p.id" + direction
	switch q.Sort { //nolint:exhaustive // the others are ordered as texts
	case "", DirectoryCreated, DirectoryID:
		return byAge
	case DirectoryActive:
		return "p.active" + direction + ", " + byAge
	case DirectoryModified:
		return "(SELECT MAX(c.revision) FROM journal_changes c WHERE c.resource_id = p.id OR c.resource_id = p.account_id)" + direction + ", " + byAge
	}
	column := "LOWER(p." + string(q.Sort) + ")"
	if s.postgres {
		column += ` COLLATE "C"`
	}
	return column + direction + ", " + byAge
}

// directoryWhere writes a condition.
func (s *statement) directoryWhere(t *DirectoryTerm) {
	switch {
	case t == nil:
		s.write("TRUE")
	case t.All != nil:
		s.directoryJoined(t.All, " AND ")
	case t.Any != nil:
		s.directoryJoined(t.Any, " OR ")
	case t.Not != nil:
		s.write("NOT ")
		s.directoryJoined([]DirectoryTerm{*t.Not}, "")
	default:
		s.directoryComparison(*t)
	}
}

func (s *statement) directoryJoined(terms []DirectoryTerm, operator string) {
	s.write("(")
	for i := range terms {
		if i > 0 {
			s.write(operator)
		}
		s.directoryWhere(&terms[i])
	}
	s.write(")")
}

func (s *statement) directoryComparison(t DirectoryTerm) {
	switch t.Column {
	case DirectoryMembers, DirectoryGroups:
		s.directoryPlaces(t)
	case DirectoryModified:
		s.directoryChanged(t)
	case DirectoryActive, DirectoryCreated, DirectoryID:
		if t.Comparison == DirectoryPresent {
			s.write("TRUE")
			return
		}
		s.write("p.", string(t.Column), " ", string(t.Comparison), " ", s.arg(t.Value))
	case DirectoryExternalID:
		s.directoryText("p.external_id", s.directoryArgument("", t), t.Comparison)
	case DirectoryUserName, DirectoryEmail, DirectoryName, DirectoryGivenName, DirectoryFamilyName:
		s.directoryText("LOWER(p."+string(t.Column)+")", s.directoryArgument("LOWER", t), t.Comparison)
	}
}

// directoryArgument returns the placeholder of a text within a function.
func (s *statement) directoryArgument(function string, t DirectoryTerm) string {
	if t.Comparison == DirectoryPresent {
		return ""
	}
	placeholder := s.arg(t.Value)
	if s.postgres {
		placeholder += "::text"
	}
	return function + "(" + placeholder + ")"
}

// directoryText writes the comparison of two expressions of texts.
func (s *statement) directoryText(column, value string, by DirectoryComparison) {
	switch by {
	case DirectoryPresent:
		s.write(column, " <> ''")
	case DirectoryContains:
		s.write(s.position(column, value), " > 0")
	case DirectoryStartsWith:
		s.write("substr(", column, ", 1, length(", value, ")) = ", value)
	case DirectoryEndsWith:
		s.write("(length(", column, ") >= length(", value, ") AND substr(", column, ", length(", column, ") - length(", value, ") + 1) = ", value, ")")
	default:
		if s.postgres {
			column += ` COLLATE "C"`
		}
		s.write(column, " ", string(by), " ", value)
	}
}

// directoryPlaces writes the condition that somebody is, or is not, in a group.
func (s *statement) directoryPlaces(t DirectoryTerm) {
	if t.Comparison == DirectoryNotEqual {
		s.write("NOT ")
	}
	own, other := "group_id", "membership_id"
	if t.Column == DirectoryGroups {
		own, other = other, own
	}
	s.write("EXISTS (SELECT 1 FROM group_members w WHERE w.", own, " = p.id AND w.membership_id IS NOT NULL")
	if t.Comparison != DirectoryPresent {
		s.write(" AND w.", other, " = ", s.arg(t.Value))
	}
	s.write(")")
}

// directoryChanged writes the condition on when something was last changed.
func (s *statement) directoryChanged(t DirectoryTerm) {
	changed := func(by DirectoryComparison) {
		s.write("EXISTS (SELECT 1 FROM journal_changes w JOIN journal_entries x ON x.id = w.revision WHERE (w.resource_id = p.id OR w.resource_id = p.account_id) AND x.at ",
			string(by), " ", s.arg(t.Value), ")")
	}
	switch t.Comparison {
	case DirectoryMore, DirectoryMoreEqual:
		changed(t.Comparison)
	case DirectoryLess:
		s.write("NOT ")
		changed(DirectoryMoreEqual)
	case DirectoryLessEqual:
		s.write("NOT ")
		changed(DirectoryMore)
	case DirectoryEqual, DirectoryNotEqual:
		if t.Comparison == DirectoryNotEqual {
			s.write("NOT ")
		}
		s.write("(")
		changed(DirectoryEqual)
		s.write(" AND NOT ")
		changed(DirectoryMore)
		s.write(")")
	case DirectoryContains, DirectoryStartsWith, DirectoryEndsWith, DirectoryPresent:
		s.write("TRUE")
	}
}

// instant reads a time from a column whose type the drivers do not know any more.
type instant time.Time

// Scan takes a time, or a text as SQLite keeps it.
func (i *instant) Scan(value any) error {
	switch v := value.(type) {
	case time.Time:
		*i = instant(v.UTC())
		return nil
	case string:
		at, err := time.Parse("2006-01-02 15:04:05.999999999-07:00", v)
		*i = instant(at.UTC())
		return err
	}
	return fmt.Errorf("%T is no time", value)
}
