// Package roster is how organizations and their people come and go, inside the
// transaction of whoever makes them do so.
//
// It owns what has to happen together whichever way leads to it: an organization
// is made with its default project and built-in groups whether a partner, a
// sign-up or the bootstrap makes it, and a member joins under the same quotas
// whether they were created, invited, imported or sent by a directory. It does
// not own who may do it: the services have checked that, and it writes as the
// platform itself.
package roster

import (
	"context"

	"github.com/headwater-platform/headwater/access"
)

// system returns a context in which the guard lets everything through: the
// account of a member may have its home anywhere, and a new owner does not see
// what is above.
func system(ctx context.Context) context.Context {
	return access.WithViewer(ctx, access.SystemViewer("roster"))
}
