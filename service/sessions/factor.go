package sessions

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/typeid"
)

// The one-time codes of RFC 6238 as every authenticator makes them.
const (
	codePeriod = 30 * time.Second
	codeDigits = otp.DigitsSix
	codeHash   = otp.AlgorithmSHA1
	// codeSkew is how many steps the clock of an authenticator may be off.
	codeSkew = 1
)

// factor is a second factor that was shown: the step of a one-time code, or the
// hash of a recovery code. The zero factor was not asked for.
type factor struct {
	step     int64
	recovery string
}

func (f factor) used() bool { return f != factor{} }

// secondFactor returns the second factor of an account that a code is, and
// whether that will do: for an account without a second factor anything does.
func (s *Service) secondFactor(row *ent.User, code string) (factor, bool) {
	if row == nil || !row.MfaEnabled {
		return factor{}, true
	}
	return s.factorOf(row, code)
}

// factorOf returns what a code is: a one-time code of the moment that was not
// taken before, or a recovery code that is left.
func (s *Service) factorOf(row *ent.User, code string) (factor, bool) {
	if hash := recoveryHash(row, code); slices.Contains(row.RecoveryCodes, hash) {
		return factor{recovery: hash}, true
	}
	step, ok := s.stepOf(row, code)
	return factor{step: step}, ok
}

// stepOf returns the step of a one-time code of the moment that is later than
// the last one that was taken.
func (s *Service) stepOf(row *ent.User, code string) (int64, bool) {
	secret, err := s.issuer.Keys.Open(row.TotpSecret, sealOf(row))
	if err != nil {
		return 0, false // Whoever is in charge took the key out of the file.
	}
	code = strings.TrimSpace(code)
	now := s.db.Now().Unix() / int64(codePeriod/time.Second)
	for step := now - codeSkew; step <= now+codeSkew; step++ {
		want, err := codeAt(secret, step)
		if err == nil && subtle.ConstantTimeCompare([]byte(code), []byte(want)) == 1 && step > row.TotpStep {
			return step, true
		}
	}
	return 0, false
}

// codeAt returns the one-time code of a step.
func codeAt(secret string, step int64) (string, error) {
	code, err := hotp.GenerateCodeCustom(secret, uint64(step), hotp.ValidateOpts{Digits: codeDigits, Algorithm: codeHash}) //nolint:gosec // steps count up from 1970
	if err != nil {
		return "", fmt.Errorf("make one-time code: %w", err)
	}
	return code, nil
}

// sealOf is what the secret of an account is bound to.
func sealOf(row *ent.User) string {
	return "totp " + typeid.New(typeid.User, row.ID).String()
}

// recoveryHash returns the hash of a recovery code, however it was typed. The
// code has 80 random bits, so that a slow hash would add nothing.
func recoveryHash(row *ent.User, code string) string {
	code = strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code))
	sum := sha256.Sum256([]byte(row.ID.String() + ":" + code))
	return hex.EncodeToString(sum[:])
}

// check returns UNAUTHENTICATED if a factor was used in the meantime, or the
// account asks for one now and did not before. The row is locked.
func (f factor) check(row *ent.User) error {
	var good bool
	switch {
	case !f.used():
		good = !row.MfaEnabled
	case f.recovery != "":
		good = slices.Contains(row.RecoveryCodes, f.recovery)
	default:
		good = f.step > row.TotpStep
	}
	if !good {
		return refused()
	}
	return nil
}

// spend writes down that a factor was used, so that it is not used again. It
// returns what check returns.
func (f factor) spend(row *ent.User, set *ent.UserUpdateOne) error {
	switch {
	case !f.used():
	case f.recovery != "":
		set.SetRecoveryCodes(slices.DeleteFunc(slices.Clone(row.RecoveryCodes), func(hash string) bool { return hash == f.recovery }))
	default:
		set.SetTotpStep(f.step)
	}
	return f.check(row)
}
