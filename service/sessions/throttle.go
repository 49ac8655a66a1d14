package sessions

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/signinattempts"
)

// pace is how attempts at one thing are slowed down: the first few are free, and
// each further one makes the wait before the next twice as long, up to a bound.
type pace struct {
	free           int
	first, longest time.Duration
}

// The paces of sign-ins, by account and by the address that they come from.
func paceOfAccounts() pace  { return pace{free: 3, first: time.Second, longest: 15 * time.Minute} }
func paceOfAddresses() pace { return pace{free: 20, first: time.Second, longest: 15 * time.Minute} }

// delay returns how long one has to wait after so many attempts without success.
func (p pace) delay(attempts int) time.Duration {
	if attempts < p.free {
		return 0
	}
	wait := p.first
	for range attempts - p.free {
		if wait >= p.longest {
			break
		}
		wait *= 2
	}
	return min(wait, p.longest)
}

// forgottenAfter is how long nothing happens until attempts are forgotten.
const forgottenAfter = 24 * time.Hour

// counted is something whose attempts are counted together.
type counted struct {
	key string
	pace
	// inARow says that a success makes all failures forgotten. Otherwise it is as
	// if it had not been tried.
	inARow bool
}

// countedAccount is an account, or a name that is none: nobody can tell them
// apart by how they are slowed down.
func countedAccount(a account, name string) counted {
	return counted{key: keyOf("account", a.countedAs(name)), pace: paceOfAccounts(), inARow: true}
}

// countedAs returns what an account is counted as: its id, or the name that is
// nobody's, which is no id.
func (a account) countedAs(name string) string {
	if a.row != nil {
		return a.row.ID.String()
	}
	return "name " + strings.ToLower(name)
}

// countedAddress is an address, of IPv6 the network of a subscriber.
func countedAddress(ctx context.Context) counted {
	return counted{key: keyOf("address", networkOf(access.CircumstancesFrom(ctx).Address)), pace: paceOfAddresses()}
}

// networkOf returns what one client can have of addresses.
func networkOf(address netip.Addr) string {
	address = address.Unmap()
	if !address.Is6() {
		return address.String()
	}
	network, err := address.WithZone("").Prefix(64)
	if err != nil {
		return address.String()
	}
	return network.String()
}

// keyOf returns the name under which something is counted. It is a hash, so that
// the table does not say who tried to sign in as whom.
func keyOf(kind, what string) string {
	sum := sha256.Sum256([]byte(kind + ":" + what))
	return hex.EncodeToString(sum[:])
}

// attempt is what was counted before a secret is looked at.
type attempt struct {
	// open says that none of what is counted has to wait.
	open bool
	// failures are those of the first thing in a row, this attempt included.
	failures int
}

// count counts an attempt at some things before it is made, so that those who
// try at once get no more attempts than those who try one after another. While
// one of the things has to wait nothing is counted: waiting is no failure. It
// takes the same statements whatever comes of it.
func (s *Service) count(ctx context.Context, things ...counted) (attempt, error) {
	var made attempt
	_, err := s.db.Write(asSystem(ctx), database.Entry{Action: "countAttempt"}, func(ctx context.Context, tx *database.Tx) error {
		rows, err := lockAttempts(ctx, tx, things)
		if err != nil {
			return err
		}
		now := tx.Now()
		made = attempt{open: true}
		for _, row := range rows {
			made.open = made.open && !now.Before(row.RetryAt)
		}
		for _, thing := range things {
			row := rows[thing.key]
			failures, retry, updated := row.Failures, row.RetryAt, row.UpdatedAt
			if now.Sub(updated) >= forgottenAfter {
				failures = 0
			}
			if made.open {
				failures++
				retry, updated = now.Add(thing.delay(failures)), now
			}
			if thing.key == things[0].key {
				made.failures = failures
			}
			if err := row.Update().SetFailures(failures).SetRetryAt(retry).SetUpdatedAt(updated).Exec(ctx); err != nil {
				return fmt.Errorf("count attempt: %w", err)
			}
		}
		return nil
	})
	return made, err
}

// lockAttempts returns the attempts at some things, locked until the transaction
// ends. The rows are made and locked in one order, so that nobody waits for
// somebody who waits for them.
func lockAttempts(ctx context.Context, tx *database.Tx, things []counted) (map[string]*ent.SignInAttempts, error) {
	keys := make([]string, len(things))
	for i, thing := range things {
		keys[i] = thing.key
	}
	slices.Sort(keys)
	creates := make([]*ent.SignInAttemptsCreate, len(keys))
	for i, key := range keys {
		creates[i] = tx.SignInAttempts.Create().SetID(key).SetFailures(0).SetRetryAt(tx.Now()).SetUpdatedAt(tx.Now())
	}
	if err := tx.SignInAttempts.CreateBulk(creates...).OnConflict().DoNothing().Exec(ctx); err != nil {
		return nil, fmt.Errorf("create attempts: %w", err)
	}
	query := tx.SignInAttempts.Query().Where(signinattempts.IDIn(keys...)).Order(ent.Asc(signinattempts.FieldID))
	query.Modify(tx.Lock)
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock attempts: %w", err)
	}
	found := make(map[string]*ent.SignInAttempts, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, nil
}

// forgive takes back what count counted for an attempt that succeeded. An account
// begins anew; an address is where it was before, so that whoever has an account
// of their own gains nothing for attempts at those of others.
func forgive(ctx context.Context, tx *database.Tx, things ...counted) error {
	rows, err := lockAttempts(ctx, tx, things)
	if err != nil {
		return err
	}
	for _, thing := range things {
		row := rows[thing.key]
		if thing.inARow {
			err = tx.SignInAttempts.DeleteOne(row).Exec(ctx)
		} else {
			err = row.Update().SetFailures(max(0, row.Failures-1)).SetRetryAt(tx.Now()).Exec(ctx)
		}
		if err != nil {
			return fmt.Errorf("forgive attempts: %w", err)
		}
	}
	return nil
}
