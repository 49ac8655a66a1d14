package statements

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/billingmonth"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/statement"
	"github.com/headwater-platform/headwater/ent/supportfee"
	"github.com/headwater-platform/headwater/ent/supportplanperiod"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/money"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/pricing"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// CloseJob is the kind of job that goes on with a month that is CLOSING, should
// the process that began with it have died.
const CloseJob = "close-billing-month"

// closing is what such a job works on.
type closing struct {
	Month uuid.UUID `json:"month"`
}

// goOnAfter is how long the process that closes a month is left alone.
const goOnAfter = 5 * time.Minute

// shown is how many statements Close returns.
const shown = 100

// Close closes a month of a seller and returns its first 100 statements and how
// many there are: one for each direct customer that was sold usage of the month or
// has a support plan that costs something, and each currency. From then on neither
// its prices nor its terms nor its usage of the month change. Closing it again
// changes nothing. Needs billing:write in the seller. INVALID for a seller that
// manages nobody and for a month that is not over; CONFLICT while an earlier month
// is open, while the seller's own manager, who sells it that usage, has not closed
// the month, and while usage of it waits to be rated again.
func (s *Service) Close(ctx context.Context, seller uuid.UUID, month pricing.Month) ([]*Statement, int, error) {
	org, err := s.records.Check(ctx, access.BillingWrite, seller)
	if err != nil {
		return nil, 0, err
	}
	if !org.Kind.CanManage() {
		return nil, 0, fault.Invalidf("sellerId", "this organization manages no others")
	}
	if month >= pricing.MonthOf(s.db.Now()) {
		return nil, 0, fault.Invalidf("month", "%s is not over", month)
	}
	begun, err := s.begin(ctx, org, month)
	if err != nil {
		return nil, 0, err
	}
	if err := s.finish(ctx, begun); err != nil {
		return nil, 0, err
	}
	made := s.db.Client().Statement.Query().Where(statement.SellerID(seller), statement.Month(month.String()))
	count, err := made.Clone().Count(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("count statements: %w", err)
	}
	rows, err := made.Order(ent.Asc(statement.FieldNumber)).Limit(shown).All(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("list statements: %w", err)
	}
	list, err := s.wrap(ctx, rows)
	return list, count, err
}

// begin makes a month CLOSING: nothing that its statements depend on changes from
// then on. It returns the month as it is if somebody has begun before.
func (s *Service) begin(ctx context.Context, seller records.Organization, month pricing.Month) (*ent.BillingMonth, error) {
	var begun *ent.BillingMonth
	_, err := s.db.Write(ctx, database.Entry{Action: "closeBillingMonth", Organization: seller.ID}, func(ctx context.Context, tx *database.Tx) error {
		if err := lockUsage(ctx, tx, seller); err != nil {
			return err
		}
		if _, err := roster.LockOrganization(ctx, tx, seller.ID); err != nil {
			return err
		}
		there, err := tx.BillingMonth.Query().Where(billingmonth.SellerID(seller.ID), billingmonth.Month(month.String())).Only(ctx)
		if err == nil {
			begun = there
			return nil
		}
		if !ent.IsNotFound(err) {
			return fmt.Errorf("find billing month: %w", err)
		}
		if err := checkOrder(ctx, tx, seller, month); err != nil {
			return err
		}
		create := tx.BillingMonth.Create().
			SetID(tx.NewID()).SetSellerID(seller.ID).SetMonth(month.String()).SetStatus(billingmonth.StatusCLOSING).SetCreatedAt(tx.Now())
		if actor := access.ViewerFrom(ctx).ID; !actor.IsZero() {
			create.SetActorID(uuid.UUID(actor))
		}
		if begun, err = create.Save(ctx); err != nil {
			return fmt.Errorf("begin to close month: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.BillingMonth, ID: begun.ID, Organization: seller.ID, After: begun})
		return tx.Enqueue(ctx, database.Job{
			Kind: CloseJob, Payload: closing{begun.ID}, Organization: seller.ID, Key: begun.ID.String(), At: tx.Now().Add(goOnAfter),
		})
	})
	return begun, err
}

// lockUsage keeps imports of usage that the seller sells from being activated, and
// ratings of it from being asked for, until the transaction ends.
func lockUsage(ctx context.Context, tx *database.Tx, seller records.Organization) error {
	for _, importer := range seller.Path() {
		if err := tx.LockUsage(ctx, uuid.UUID(importer)); err != nil {
			return err
		}
	}
	return nil
}

// checkOrder returns CONFLICT unless the month is the next one to close: of the
// seller's months in their order, and after the manager's.
func checkOrder(ctx context.Context, tx *database.Tx, seller records.Organization, month pricing.Month) error {
	first, err := tx.FirstUnclosed(ctx, seller.ID)
	if err != nil {
		return err
	}
	if owed, err := firstOwed(ctx, tx, seller.ID, month); err != nil {
		return err
	} else if !owed.IsZero() && (first.IsZero() || owed < first) {
		first = owed
	}
	if !first.IsZero() && first < month {
		return fault.New(fault.Conflict, "%s is open yet: close it first", first).With("month", first.String())
	}
	later, err := tx.BillingMonth.Query().Where(billingmonth.SellerID(seller.ID), billingmonth.MonthGT(month.String())).Exist(ctx)
	if err != nil {
		return fmt.Errorf("find later months: %w", err)
	}
	if later {
		return fault.New(fault.PeriodClosed, "a later month is closed, so %s is, without a statement", month).With("month", month.String())
	}
	if err := checkManager(ctx, tx, seller, month); err != nil {
		return err
	}
	var importers []uuid.UUID
	for _, id := range seller.Path() {
		importers = append(importers, uuid.UUID(id))
	}
	waits, err := tx.AwaitsRating(ctx, importers, month)
	if err != nil {
		return err
	}
	if waits {
		return fault.New(fault.Conflict, "usage of %s is being rated again: wait until it is done", month)
	}
	return nil
}

// firstOwed returns the first month before one that a seller has not closed and in
// which a customer owes it a fee for a support plan; zero for none. Without usage
// nothing else tells that such a month is open.
func firstOwed(ctx context.Context, tx *database.Tx, seller uuid.UUID, before pricing.Month) (pricing.Month, error) {
	ctx = database.Unguarded(ctx) // what is owed does not depend on which customers the viewer reaches
	first, err := tx.SupportFee.Query().Where(supportfee.SellerID(seller)).Order(ent.Asc(supportfee.FieldFirstMonth)).First(ctx)
	if ent.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("find the first support fee: %w", err)
	}
	month, err := pricing.ParseMonth(first.FirstMonth)
	if err != nil {
		return 0, fmt.Errorf("read support fee: %w", err)
	}
	last, err := tx.BillingMonth.Query().Where(billingmonth.SellerID(seller)).Order(ent.Desc(billingmonth.FieldMonth)).First(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return 0, fmt.Errorf("find the last closed month: %w", err)
	}
	if last != nil {
		closed, err := pricing.ParseMonth(last.Month)
		if err != nil {
			return 0, fmt.Errorf("read billing month: %w", err)
		}
		month = max(month, closed.Next())
	}
	for ; month < before; month = month.Next() {
		fees, err := feesOf(ctx, tx, seller, month)
		if err != nil {
			return 0, err
		}
		owes, err := tx.SupportPlanPeriod.Query().Where(owing(seller, month, fees)).Exist(ctx)
		if err != nil {
			return 0, fmt.Errorf("find who owes fees: %w", err)
		}
		if owes {
			return month, nil
		}
	}
	return 0, nil
}

// owing returns the predicate of the plans of a month for which customers of a
// seller owe fees.
func owing(seller uuid.UUID, month pricing.Month, fees map[string]records.SupportFee) predicate.SupportPlanPeriod {
	return supportplanperiod.And(
		planOf(month), supportplanperiod.PlanIn(plansOf(fees)...),
		supportplanperiod.HasOrganizationWith(organization.ParentID(seller), organization.StatusNEQ(orgtree.Deleted)),
	)
}

// checkManager returns CONFLICT if usage comes to the seller from above and its
// manager has not closed the month: what the seller pays may change yet.
func checkManager(ctx context.Context, tx *database.Tx, seller records.Organization, month pricing.Month) error {
	manager, managed := seller.Manager()
	if !managed {
		return nil
	}
	ctx = database.Unguarded(ctx) // whether those above are ready does not depend on what the viewer sees
	var above []uuid.UUID
	for _, a := range seller.Above {
		above = append(above, a.ID)
	}
	comes, err := tx.HasUsage(ctx, above)
	if err != nil || !comes {
		return err
	}
	closed, err := tx.BillingMonth.Query().Where(billingmonth.SellerID(manager.ID), billingmonth.MonthGTE(month.String())).Exist(ctx)
	if err != nil {
		return fmt.Errorf("find the manager's months: %w", err)
	}
	if !closed {
		return fault.New(fault.Conflict, "the organization above has not closed %s yet", month)
	}
	return nil
}

// GoOn does a job of the kind CloseJob.
func (s *Service) GoOn(ctx context.Context, payload []byte) error {
	var job closing
	if err := json.Unmarshal(payload, &job); err != nil {
		return database.Hopeless(fmt.Errorf("read job: %w", err))
	}
	row, err := s.db.Client().BillingMonth.Get(ctx, job.Month)
	if err != nil {
		return fmt.Errorf("get billing month: %w", err)
	}
	return s.finish(ctx, row)
}

// atOnce is how many customers or statements are dealt with in one transaction.
const atOnce = 100

// finish makes the statements of a month that is CLOSING, gives them their numbers
// and makes the month CLOSED. It goes on where another process has come to; two
// that do so at once wait for each other.
func (s *Service) finish(ctx context.Context, m *ent.BillingMonth) error {
	for after := uuid.Nil; ; {
		next, err := s.makeSome(ctx, m.SellerID, m.ID, after)
		if err != nil {
			return err
		}
		if next == uuid.Nil {
			break
		}
		after = next
	}
	for {
		closed, err := s.issueSome(ctx, m)
		if err != nil || closed {
			return err
		}
	}
}

// later returns the predicate of periods of organizations after one.
func later(organization uuid.UUID) predicate.SupportPlanPeriod {
	return func(s *entsql.Selector) {
		s.Where(entsql.GT(s.C(supportplanperiod.FieldOrganizationID), organization))
	}
}

// stillClosing returns the month, which nobody else goes on with until the
// transaction ends, and false if it is CLOSED.
func stillClosing(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.BillingMonth, pricing.Month, bool, error) {
	query := tx.BillingMonth.Query().Where(billingmonth.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if err != nil {
		return nil, 0, false, fmt.Errorf("lock billing month: %w", err)
	}
	month, err := pricing.ParseMonth(row.Month)
	return row, month, row.Status == billingmonth.StatusCLOSING, err
}

// makeSome makes the statements of the next customers after one, and returns the
// last of them, the nil id if there are no more.
func (s *Service) makeSome(ctx context.Context, seller, id, after uuid.UUID) (next uuid.UUID, err error) {
	rounded, err := s.roundingOf(ctx, seller)
	if err != nil {
		return uuid.Nil, err
	}
	entry := database.Entry{Action: "makeStatements", Organization: seller}
	_, err = s.db.Write(asSystem(ctx), entry, func(ctx context.Context, tx *database.Tx) error {
		next = uuid.Nil
		row, month, closing, err := stillClosing(ctx, tx, id)
		if err != nil || !closing {
			return err
		}
		fees, err := feesOf(ctx, tx, row.SellerID, month)
		if err != nil {
			return err
		}
		buyers, err := buyersOf(ctx, tx, row.SellerID, month, fees, after)
		if err != nil || len(buyers) == 0 {
			return err
		}
		next = buyers[len(buyers)-1]
		return makeStatements(ctx, tx, row.SellerID, month, rounded, fees, buyers)
	})
	return next, err
}

// rounding is the setting of a seller that says how its statements are rounded.
const rounding = "billing.rounding"

// roundingOf returns how the statements of a seller are rounded.
func (s *Service) roundingOf(ctx context.Context, seller uuid.UUID) (money.Rounding, error) {
	org, err := s.records.Organization(ctx, seller)
	if err != nil {
		return "", err
	}
	value, err := s.records.Value(ctx, org, rounding)
	return money.Rounding(value.String()), err
}

// buyersOf returns the next direct customers of a seller after one that there may
// be a statement for, in the order of their ids: those that were sold usage of the
// month, and those with a support plan that costs something.
func buyersOf(ctx context.Context, tx *database.Tx, seller uuid.UUID, month pricing.Month, fees map[string]records.SupportFee, after uuid.UUID) ([]uuid.UUID, error) {
	buyers, err := tx.Buyers(ctx, seller, month, after, atOnce)
	if err != nil || len(fees) == 0 {
		return buyers, err
	}
	planned, err := tx.SupportPlanPeriod.Query().
		Where(owing(seller, month, fees), later(after)).
		Order(ent.Asc(supportplanperiod.FieldOrganizationID)).Limit(atOnce).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list customers with support plans: %w", err)
	}
	for _, row := range planned {
		buyers = append(buyers, row.OrganizationID)
	}
	slices.SortFunc(buyers, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	buyers = slices.Compact(buyers)
	return buyers[:min(len(buyers), atOnce)], nil
}

// asSystem returns the context of the platform, which makes statements whoever has
// closed the month.
func asSystem(ctx context.Context) context.Context {
	return access.WithViewer(ctx, access.SystemViewer("statements"))
}

// issueSome gives the next statements their numbers, in the order of their buyers
// and currencies, and makes the month CLOSED once all have one.
func (s *Service) issueSome(ctx context.Context, m *ent.BillingMonth) (closed bool, err error) {
	entry := database.Entry{Action: "issueStatements", Organization: m.SellerID}
	_, err = s.db.Write(asSystem(ctx), entry, func(ctx context.Context, tx *database.Tx) error {
		row, month, closing, err := stillClosing(ctx, tx, m.ID)
		if err != nil || !closing {
			closed = true
			return err
		}
		rows, err := tx.Statement.Query().
			Where(statement.SellerID(row.SellerID), statement.Month(month.String()), statement.StatusEQ(statement.StatusCLOSED)).
			Order(ent.Asc(statement.FieldBuyerID), ent.Asc(statement.FieldCurrency)).Limit(atOnce).All(ctx)
		if err != nil {
			return fmt.Errorf("list statements to issue: %w", err)
		}
		if len(rows) == 0 {
			closed = true
			return closeMonth(ctx, tx, row)
		}
		return issue(ctx, tx, row.SellerID, rows)
	})
	return closed, err
}

func closeMonth(ctx context.Context, tx *database.Tx, before *ent.BillingMonth) error {
	after, err := before.Update().SetStatus(billingmonth.StatusCLOSED).SetClosedAt(tx.Now()).Save(ctx)
	if err != nil {
		return fmt.Errorf("close month: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.BillingMonth, ID: after.ID, Organization: after.SellerID, Before: before, After: after})
	return nil
}

// issue gives statements the next numbers of their seller, and tells the buyers and
// the webhooks of both.
func issue(ctx context.Context, tx *database.Tx, seller uuid.UUID, rows []*ent.Statement) error {
	if _, err := roster.LockOrganization(ctx, tx, seller); err != nil {
		return err
	}
	last, err := tx.Statement.Query().Where(statement.SellerID(seller), statement.NumberNotNil()).
		Order(ent.Desc(statement.FieldNumber)).First(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return fmt.Errorf("find the last number: %w", err)
	}
	var number int64
	if last != nil {
		number = *last.Number
	}
	now := tx.Now()
	letters, issued := make([]records.Letter, len(rows)), make([]*ent.Statement, len(rows))
	for i, before := range rows {
		number++
		after, err := before.Update().SetStatus(statement.StatusISSUED).SetNumber(number).SetIssuedAt(now).SetDueAt(now.Add(dueAfter)).Save(ctx)
		if err != nil {
			return fmt.Errorf("issue statement: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Statement, ID: after.ID, Organization: seller, After: after})
		letters[i], issued[i] = records.Letter{Template: records.StatementLetter, Organization: after.BuyerID, Statement: after.ID}, after
	}
	if err := announce(ctx, tx, records.StatementIssued, issued, nil); err != nil {
		return err
	}
	return records.PostToBilling(ctx, tx, letters)
}
