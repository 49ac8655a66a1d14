package fault_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/headwater-platform/headwater/fault"
)

func TestCodesAreListedOnce(t *testing.T) {
	t.Parallel()
	codes := fault.Codes()
	for i, code := range codes {
		if code == "" || slices.Contains(codes[:i], code) {
			t.Errorf("%q is empty or listed twice", code)
		}
	}
	if len(codes) != 19 {
		t.Errorf("there are %d codes; the list is closed and append-only", len(codes))
	}
}

func TestCodeOf(t *testing.T) {
	t.Parallel()
	f := fault.New(fault.Conflict, "no %d", 7)
	for name, tt := range map[string]struct {
		err  error
		want fault.Code
	}{
		"nothing":    {nil, ""},
		"a fault":    {f, fault.Conflict},
		"a wrapped":  {fmt.Errorf("write: %w", f), fault.Conflict},
		"a joined":   {errors.Join(errors.New("x"), f), fault.Conflict},
		"another":    {errors.New("x"), fault.Internal},
		"a missing":  {fault.Missing("group"), fault.NotFound},
		"an invalid": {fault.Invalidf("name", "no"), fault.Invalid},
		"a reasoned": {f.Because(fault.NameTaken), fault.Conflict},
		"a detailed": {f.With("a", 1), fault.Conflict},
	} {
		if got := fault.CodeOf(tt.err); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	if f.Error() != "CONFLICT: no 7" || fault.Missing("group").Message != "group not found" {
		t.Errorf("%q, %q", f, fault.Missing("group").Message)
	}
}

// TestCopiesLeaveTheOriginal adds to a fault that others share.
func TestCopiesLeaveTheOriginal(t *testing.T) {
	t.Parallel()
	shared := fault.New(fault.Conflict, "no").With("first", 1)
	reasoned, detailed := shared.Because(fault.NameTaken), shared.With("second", 2)
	if shared.Reason != "" || len(shared.Details) != 1 {
		t.Errorf("the original became %+v", shared)
	}
	if reasoned.Reason != fault.NameTaken || len(detailed.Details) != 2 || detailed.Details["first"] != 1 {
		t.Errorf("the copies are %+v and %+v", reasoned, detailed)
	}
}

// TestCauseStaysInside is there for errors.Is and not in the text.
func TestCauseStaysInside(t *testing.T) {
	t.Parallel()
	cause := errors.New("pq: secret detail")
	f := &fault.Error{Code: fault.Conflict, Message: "taken", Err: cause}
	if !errors.Is(f, cause) || f.Error() != "CONFLICT: taken" {
		t.Errorf("%v", f)
	}
}
