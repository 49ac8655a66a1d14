package people

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
)

// Sheet is what importUsers is asked for.
type Sheet struct {
	Organization uuid.UUID
	// CSV is the sheet; see readSheet.
	CSV string
	// DryRun decides and changes nothing. SkipInvalid leaves out the lines in which
	// something is wrong; else one of them stops all.
	DryRun, SkipInvalid bool
}

// LineStatus is what became of a line of a sheet.
type LineStatus string

// What becomes of a line.
const (
	LineCreated LineStatus = "CREATED"
	LineInvited LineStatus = "INVITED"
	LineSkipped LineStatus = "SKIPPED"
	LineInvalid LineStatus = "INVALID"
)

// Imported is what became of a sheet.
type Imported struct {
	// Created and Invited count the accounts and the invitations that were made.
	Created, Invited int
	Lines            []*Line
}

// Line is what became of one line.
type Line struct {
	Line     int
	Username string
	Status   LineStatus
	Error    *LineError
}

// LineError says what is wrong with a line.
type LineError struct {
	Code    string
	Message string
	// Field is the column, nil for the whole line; Reason is nil where there is no
	// finer name.
	Field, Reason *string
}

// errDryRun ends the transaction of a dry run.
var errDryRun = errors.New("dry run")

// Import makes accounts without a password, with memberships and places in
// groups, for the people whom a sheet lists, in one transaction and in few
// statements whatever their number. Each is mailed a link to set a password. An
// address that has an account is invited instead: nobody becomes a member without
// saying so. What cannot be done for one line is its result; one such line stops
// all of them, unless they are skipped. Needs users:write, and for the groups the
// right to grant what they grant. INVALID for a text that is no sheet.
func (s *Service) Import(ctx context.Context, sheet Sheet) (*Imported, error) {
	org, err := s.records.Check(ctx, access.UsersWrite, sheet.Organization)
	if err != nil {
		return nil, err
	}
	lines, err := readSheet(sheet.CSV)
	if err != nil {
		return nil, err
	}
	var i *importing
	_, err = s.db.Write(ctx, database.Entry{Action: "importUsers", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		i = newImporting(org, lines)
		if err := i.prepare(ctx, tx); err != nil {
			return err
		}
		if err := i.decide(ctx, tx); err != nil {
			return err
		}
		if i.stop(sheet.SkipInvalid) || sheet.DryRun {
			return errDryRun
		}
		return i.carryOut(ctx, tx)
	})
	if errors.Is(err, errDryRun) {
		return &Imported{Lines: i.results}, nil
	}
	if err != nil {
		return nil, err
	}
	return &Imported{Created: len(i.created), Invited: len(i.invited), Lines: i.results}, s.records.Renew(ctx)
}

// importing is one importUsers inside its transaction.
type importing struct {
	org     records.Organization
	lines   []sheetLine
	results []*Line
	// What there is: groups by the key of their name, accounts by the keys of their
	// address and of their username, members by their account, and open
	// invitations by address.
	groups     map[string]*ent.Group
	byEmail    map[string]*ent.User
	byUsername map[string]*ent.User
	members    map[uuid.UUID]bool
	open       map[string]*ent.Invitation
	// What is done: the lines that become accounts, and those that are invited.
	created, invited []sheetLine
}

func newImporting(org records.Organization, lines []sheetLine) *importing {
	i := &importing{
		org: org, lines: lines, results: make([]*Line, len(lines)),
		groups: map[string]*ent.Group{}, byEmail: map[string]*ent.User{}, byUsername: map[string]*ent.User{}, members: map[uuid.UUID]bool{},
	}
	for n, l := range lines {
		i.results[n] = &Line{Line: l.number, Username: l.username}
	}
	return i
}

// prepare reads what is decided upon, and checks that the viewer may give what
// the groups give.
func (i *importing) prepare(ctx context.Context, tx *database.Tx) error {
	if err := i.findGroups(ctx, tx); err != nil {
		return err
	}
	if err := i.findPeople(ctx, tx); err != nil {
		return err
	}
	ids := make([]uuid.UUID, 0, len(i.groups))
	for _, row := range i.groups {
		ids = append(ids, row.ID)
	}
	groups, err := roster.GroupsToJoin(ctx, tx, ids, i.org)
	if err != nil || len(groups) == 0 {
		return err
	}
	var to records.Recipients
	for _, account := range i.byEmail {
		to.People = append(to.People, account.ID)
	}
	return roster.CheckPlacing(ctx, tx, groups, to, i.org, "importUsers")
}

func (i *importing) findGroups(ctx context.Context, tx *database.Tx) error {
	var keys []string
	for _, l := range i.lines {
		for _, name := range l.groups {
			keys = append(keys, strings.ToLower(name))
		}
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	if len(keys) == 0 {
		return nil
	}
	if len(keys) > maxSheetGroups {
		return fault.Invalidf("csv", "a sheet names at most %d groups", maxSheetGroups)
	}
	rows, err := tx.Group.Query().Where(group.OrganizationID(i.org.ID), group.NameKeyIn(keys...)).All(ctx)
	if err != nil {
		return fmt.Errorf("load groups: %w", err)
	}
	for _, row := range rows {
		i.groups[row.NameKey] = row
	}
	return nil
}

// maxSheetGroups is how many groups a sheet names at most.
const maxSheetGroups = 500

// findPeople reads who has the addresses and usernames, who of them is a member
// and who is invited.
func (i *importing) findPeople(ctx context.Context, tx *database.Tx) error {
	emails, usernames := make([]string, len(i.lines)), make([]string, len(i.lines))
	for n, l := range i.lines {
		emails[n], usernames[n] = roster.EmailKey(l.email), strings.ToLower(l.username)
	}
	// The accounts may be out of the viewer's reach.
	all := database.Unguarded(ctx)
	var ids []uuid.UUID
	for _, where := range []struct {
		keys []string
		is   func(keys []string) ([]*ent.User, error)
	}{
		{emails, func(keys []string) ([]*ent.User, error) {
			return tx.User.Query().Where(user.EmailKeyIn(keys...), user.StatusNEQ(user.StatusDELETED)).All(all)
		}},
		{usernames, func(keys []string) ([]*ent.User, error) {
			return tx.User.Query().Where(user.UsernameKeyIn(keys...), user.StatusNEQ(user.StatusDELETED)).All(all)
		}},
	} {
		rows, err := where.is(where.keys)
		if err != nil {
			return fmt.Errorf("load accounts: %w", err)
		}
		for _, row := range rows {
			ids = append(ids, row.ID)
			i.byEmail[row.EmailKey], i.byUsername[row.UsernameKey] = row, row
		}
	}
	rows, err := tx.Membership.Query().Where(membership.OrganizationID(i.org.ID), membership.UserIDIn(ids...)).All(all)
	if err != nil {
		return fmt.Errorf("load members: %w", err)
	}
	for _, row := range rows {
		i.members[row.UserID] = true
	}
	i.open, err = roster.OpenInvitations(ctx, tx, i.org.ID, emails)
	return err
}

// decide says for each line what is done. Those that come first get what room
// there is.
func (i *importing) decide(ctx context.Context, tx *database.Tx) error {
	room, err := roster.RoomToInvite(ctx, tx, i.org)
	if err != nil {
		return err
	}
	inviting := access.Check(access.ViewerFrom(ctx), access.MembersInvite, i.org.Target())
	usernames, emails := map[string]int{}, map[string]int{}
	for n, l := range i.lines {
		username, email := strings.ToLower(l.username), roster.EmailKey(l.email)
		err := i.check(ctx, l, inviting)
		switch {
		case err != nil:
		case usernames[username] > 0:
			err = ofField(columnUsername, fault.New(fault.Conflict, "line %d has this username", usernames[username]).Because(fault.NameTaken))
		case emails[email] > 0:
			err = ofField(columnEmail, fault.New(fault.Conflict, "line %d has this address", emails[email]))
		case room == 0:
			err = fault.New(fault.LimitExceeded, "the organization has no room for another member").Because(fault.QuotaExceeded)
		}
		if err != nil {
			i.results[n].Status, i.results[n].Error = LineInvalid, lineError(err)
			continue
		}
		room--
		usernames[username], emails[email] = l.number, l.number
		if i.byEmail[email] != nil {
			i.results[n].Status, i.invited = LineInvited, append(i.invited, l)
		} else {
			i.results[n].Status, i.created = LineCreated, append(i.created, l)
		}
	}
	return nil
}

// check returns what is wrong with a line by itself, and beside what there is.
func (i *importing) check(ctx context.Context, l sheetLine, inviting error) error {
	if l.fault != nil {
		return l.fault
	}
	for _, err := range []error{roster.CheckUsername(l.username), roster.CheckEmail(columnEmail, l.email), roster.CheckName(l.name), roster.CheckTags(l.tags)} {
		if err != nil {
			return err
		}
	}
	for _, name := range l.groups {
		if i.groups[strings.ToLower(name)] == nil {
			return fault.Invalidf(columnGroups, "the organization has no group %s", name)
		}
	}
	account := i.byEmail[roster.EmailKey(l.email)]
	switch {
	case account == nil && i.byUsername[strings.ToLower(l.username)] != nil:
		return ofField(columnUsername, fault.New(fault.Conflict, "this username is taken").Because(fault.NameTaken))
	case account == nil:
		return nil
	case i.members[account.ID]:
		return ofField(columnEmail, fault.New(fault.Conflict, "this person is a member already").Because(fault.AlreadyMember))
	case i.open[account.EmailKey] != nil:
		return ofField(columnEmail, fault.New(fault.Conflict, "this address is invited already").Because(fault.AlreadyInvited))
	case access.ViewerFrom(ctx).ID == orgtree.ID(account.ID):
		return ofField(columnEmail, fault.New(fault.Forbidden, "nobody invites themself; ask the owner for access"))
	}
	return inviting
}

// ofField returns an error that names the column it is about.
func ofField(field string, err *fault.Error) *fault.Error {
	err.Field = field
	return err
}

// lineError returns an error as the result of a line shows it.
func lineError(err error) *LineError {
	var why *fault.Error
	if !errors.As(err, &why) {
		why = fault.New(fault.Forbidden, "this is not allowed")
	}
	e := &LineError{Code: string(why.Code), Message: why.Message}
	if why.Field != "" {
		e.Field = &why.Field
	}
	if why.Reason != "" {
		reason := string(why.Reason)
		e.Reason = &reason
	}
	return e
}

// stop reports whether nothing is to be done because of a line in which something
// is wrong. The others are then skipped.
func (i *importing) stop(skipInvalid bool) bool {
	if skipInvalid || !slices.ContainsFunc(i.results, func(l *Line) bool { return l.Status == LineInvalid }) {
		return false
	}
	for _, l := range i.results {
		if l.Status != LineInvalid {
			l.Status = LineSkipped
		}
	}
	return true
}

// carryOut does what was decided.
func (i *importing) carryOut(ctx context.Context, tx *database.Tx) error {
	accounts := make([]roster.NewAccount, len(i.created))
	for n, l := range i.created {
		accounts[n] = roster.NewAccount{Username: l.username, Email: l.email, Name: l.name, Home: &i.org.ID}
	}
	rows, err := roster.CreateAccounts(ctx, tx, accounts)
	if err != nil {
		return err
	}
	joining := make([]roster.Newcomer, len(rows))
	for n, row := range rows {
		joining[n] = roster.Newcomer{Person: row.ID, Joining: roster.Joining{Groups: i.groupsOf(i.created[n]), Tags: i.created[n].tags}}
	}
	if _, err := roster.JoinAll(ctx, tx, i.org, joining); err != nil {
		return err
	}
	if err := roster.Welcome(ctx, tx, i.org.ID, rows...); err != nil {
		return err
	}
	invited := make([]roster.Invited, len(i.invited))
	for n, l := range i.invited {
		invited[n] = roster.Invited{Email: l.email, User: &i.byEmail[roster.EmailKey(l.email)].ID, Groups: i.groupsOf(l), Tags: l.tags}
	}
	_, err = roster.Invite(ctx, tx, i.org.ID, invited)
	return err
}

// groupsOf returns the groups that a line names, each once.
func (i *importing) groupsOf(l sheetLine) []uuid.UUID {
	var ids []uuid.UUID
	for _, name := range l.groups {
		if id := i.groups[strings.ToLower(name)].ID; !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}
