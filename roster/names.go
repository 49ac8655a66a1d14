package roster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/ent/user"
)

// attempts bounds the search for a free slug or username.
const attempts = 1000

// freeSlug returns a slug made from a name that nobody has.
func freeSlug(ctx context.Context, tx *database.Tx, name string) (string, error) {
	base := shorten(plain(name, '-'), 55)
	if len(base) < 3 {
		base = "org-" + base
	}
	return firstFree(base, "-", func(slug string) (bool, error) {
		return tx.Organization.Query().Where(organization.Slug(slug)).Exist(ctx)
	})
}

// freeUsername returns a username made from an e-mail address that nobody has.
func freeUsername(ctx context.Context, tx *database.Tx, email string) (string, error) {
	local, _, _ := strings.Cut(email, "@")
	base := shorten(plain(local, '.'), 55)
	if base == "" {
		base = "owner"
	}
	return firstFree(base, ".", func(username string) (bool, error) {
		return tx.User.Query().Where(user.UsernameKey(username), user.StatusNEQ(user.StatusDELETED)).Exist(ctx)
	})
}

func firstFree(base, separator string, taken func(string) (bool, error)) (string, error) {
	candidate := base
	for n := 2; n < attempts; n++ {
		used, err := taken(candidate)
		if err != nil {
			return "", fmt.Errorf("look for a free name: %w", err)
		}
		if !used {
			return candidate, nil
		}
		candidate = fmt.Sprintf("%s%s%d", base, separator, n)
	}
	return "", errors.New("no free name was found")
}

// plain returns the text in lower case, letters without their accents, and with
// everything but a to z and digits turned into single separators.
func plain(text string, separator rune) string {
	var b strings.Builder
	pending := false
	for _, r := range norm.NFD.String(strings.ToLower(text)) {
		if unicode.Is(unicode.Mn, r) {
			continue
		}
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			if pending && b.Len() > 0 {
				b.WriteRune(separator)
			}
			pending = false
			b.WriteRune(r)
			continue
		}
		pending = true
	}
	return b.String()
}

func shorten(text string, n int) string { return text[:min(len(text), n)] }
