package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent/job"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// privileged reports whether some group of the person gives a right.
func (p *person) privileged() bool {
	return slices.ContainsFunc(p.groups, func(g *group) bool { return len(g.roles) > 0 || g.builtin != "" })
}

// settleIn does what no service offers yet: people accept their invitations,
// sign in, set up a second factor. The demo does it in its own name.
func (b *builder) settleIn(ctx context.Context) error {
	random := newRandom(b.options.Seed, "accounts")
	_, err := b.db.Write(asSystem(ctx), database.Entry{Action: "settleIn", Organization: b.plan.root.id}, func(ctx context.Context, tx *database.Tx) error {
		for _, o := range b.plan.organizations() {
			for _, p := range o.people {
				if err := b.settlePerson(ctx, tx, p, random); err != nil {
					return fmt.Errorf("settle %s: %w", p.username, err)
				}
			}
		}
		return dropLetters(ctx, tx)
	})
	return err
}

// dropLetters keeps what has happened so far from being told: the letters of the
// past have long arrived.
func dropLetters(ctx context.Context, tx *database.Tx) error {
	if _, err := tx.Job.Delete().Where(job.Kind(records.MailJob)).Exec(ctx); err != nil {
		return fmt.Errorf("drop letters: %w", err)
	}
	return nil
}

// settlePerson makes an account what it is in the present. Those who can sign in
// or take part in the story are active; of the others some have not come yet and
// a few are locked out.
func (b *builder) settlePerson(ctx context.Context, tx *database.Tx, p *person, random *rand.Rand) error {
	before, err := tx.User.Get(ctx, p.id)
	if err != nil {
		return err
	}
	set := before.Update().SetName(p.name).SetVersion(before.Version + 1)
	status := user.StatusACTIVE
	switch lot := random.IntN(100); {
	case p.owns() || p.privileged() || p.login != "":
	case lot < 8:
		status = user.StatusINVITED
	case lot < 11:
		status = user.StatusLOCKED
	}
	set.SetStatus(status)
	lastSeen := b.calendar.now.Add(-time.Duration(between(random, 5, 60*24*20)) * time.Minute).Truncate(time.Minute)
	// Those whom somebody signs in as have no second factor: nobody has its secret.
	secondFactor := chance(random, 60) && p.login == ""
	if status != user.StatusINVITED {
		set.SetLastLoginAt(lastSeen).SetMfaEnabled(secondFactor)
	}
	if hash, ok := b.hashes[p]; ok {
		set.SetPasswordHash(hash)
	}
	after, err := set.Save(ctx)
	if err != nil {
		return err
	}
	tx.Record(database.Change{Kind: typeid.User, ID: p.id, Organization: p.home.id, Before: before, After: after})
	return nil
}
