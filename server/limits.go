package server

import (
	"context"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/headwater-platform/headwater/fault"
)

// documentCache is an LRU that leaves large documents out, so that its memory
// is bounded by more than the number of its entries.
type documentCache[T any] struct {
	entries *lru.LRU[T]
	size    func(key string, value T) int
}

// maxCachedDocument is the size of the largest document that is kept, in bytes.
const maxCachedDocument = 8 << 10

func newDocumentCache[T any](entries int, size func(string, T) int) documentCache[T] {
	return documentCache[T]{entries: lru.New[T](entries), size: size}
}

// Get returns what was kept under the key.
func (c documentCache[T]) Get(ctx context.Context, key string) (T, bool) {
	return c.entries.Get(ctx, key)
}

// Add keeps the value if it is small.
func (c documentCache[T]) Add(ctx context.Context, key string, value T) {
	if c.size(key, value) <= maxCachedDocument {
		c.entries.Add(ctx, key, value)
	}
}

// sizeLimit refuses documents with too many selections before they are
// validated: comparing fields that could be merged takes the square of them.
type sizeLimit struct {
	limits    Limits
	documents documentCache[*ast.QueryDocument]
}

// ExtensionName names the extension in gqlgen's statistics.
func (sizeLimit) ExtensionName() string { return "SizeLimit" }

// Validate accepts every schema.
func (sizeLimit) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters returns COMPLEXITY_LIMIT_EXCEEDED for a document
// that is too large. What cannot be parsed is left to the executor to report.
func (s sizeLimit) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	if _, known := s.documents.Get(ctx, params.Query); known {
		return nil
	}
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: params.Query}, s.limits.Tokens)
	if err != nil {
		return nil //nolint:nilerr // the executor parses again and says what is wrong
	}
	n := 0
	for _, operation := range document.Operations {
		n += selections(operation.SelectionSet)
	}
	for _, fragment := range document.Fragments {
		n += selections(fragment.SelectionSet)
	}
	if n > s.limits.Selections {
		return gqlerror.Wrap(fault.New(fault.ComplexityLimitExceeded,
			"the document has %d fields and fragments, which exceeds the limit of %d", n, s.limits.Selections))
	}
	return nil
}

// selections counts what is written in a selection set, at every depth.
func selections(set ast.SelectionSet) int {
	n := len(set)
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			n += selections(s.SelectionSet)
		case *ast.InlineFragment:
			n += selections(s.SelectionSet)
		}
	}
	return n
}

// shapeLimit bounds the depth of an operation and how many fields its fragments
// unfold to, before the cost is calculated: that would follow every spread, and
// forty fragments can unfold to more fields than there is time. It also decides
// on introspection.
type shapeLimit struct {
	limits        Limits
	mayIntrospect func(context.Context) bool
}

// ExtensionName names the extension in gqlgen's statistics.
func (shapeLimit) ExtensionName() string { return "ShapeLimit" }

// Validate accepts every schema.
func (shapeLimit) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext returns COMPLEXITY_LIMIT_EXCEEDED for an operation that
// is too deep or too wide, UNAUTHENTICATED for introspection by nobody and
// GRAPHQL_VALIDATION_FAILED for a null where @skip and @include need a Boolean.
func (s shapeLimit) MutateOperationContext(ctx context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	m := measurer{variables: operation.Variables, fragments: map[string]shape{}, limit: s.limits.Cost}
	found := m.measure(operation.Operation.SelectionSet)
	switch {
	case m.nullCondition != "":
		return gqlerror.Wrap(fault.New(fault.GraphQLValidationFailed, "the variable $%s decides on a field and cannot be null", m.nullCondition))
	case found.depth > s.limits.Depth:
		return gqlerror.Wrap(fault.New(fault.ComplexityLimitExceeded,
			"the operation is %d fields deep, which exceeds the limit of %d", found.depth, s.limits.Depth))
	case found.fields > s.limits.Cost:
		return gqlerror.Wrap(fault.New(fault.ComplexityLimitExceeded,
			"the operation unfolds to more than %d fields", s.limits.Cost))
	case m.introspects && !s.mayIntrospect(ctx):
		return gqlerror.Wrap(fault.New(fault.Unauthenticated, "reading the schema needs a token"))
	}
	operation.DisableIntrospection = !m.introspects
	return nil
}

// shape is the extent of a selection set with its fragments unfolded.
type shape struct{ fields, depth int }

// measurer measures each fragment once. Validation has ruled out cycles.
type measurer struct {
	variables map[string]any
	fragments map[string]shape
	// limit is where counting fields stops, so that the number cannot overflow.
	limit         int
	introspects   bool
	nullCondition string
}

func (m *measurer) measure(set ast.SelectionSet) shape {
	var total shape
	for _, selection := range set {
		part := m.selection(selection)
		total.fields = min(total.fields+part.fields, m.limit+1)
		total.depth = max(total.depth, part.depth)
	}
	return total
}

func (m *measurer) selection(selection ast.Selection) shape {
	switch s := selection.(type) {
	case *ast.Field:
		m.conditions(s.Directives)
		m.introspects = m.introspects || s.Name == "__schema" || s.Name == "__type"
		inner := m.measure(s.SelectionSet)
		return shape{fields: inner.fields + 1, depth: inner.depth + 1}
	case *ast.InlineFragment:
		m.conditions(s.Directives)
		return m.measure(s.SelectionSet)
	case *ast.FragmentSpread:
		m.conditions(s.Directives)
		return m.fragment(s.Definition)
	}
	return shape{}
}

func (m *measurer) fragment(definition *ast.FragmentDefinition) shape {
	known, ok := m.fragments[definition.Name]
	if !ok {
		known = m.measure(definition.SelectionSet)
		m.fragments[definition.Name] = known
	}
	return known
}

// conditions notes a variable that is null where the executor would panic.
func (m *measurer) conditions(directives ast.DirectiveList) {
	for _, directive := range directives {
		if directive.Name != "skip" && directive.Name != "include" {
			continue
		}
		condition := directive.Arguments.ForName("if")
		if condition == nil || condition.Value.Kind != ast.Variable {
			continue
		}
		if _, ok := m.variables[condition.Value.Raw].(bool); !ok {
			m.nullCondition = condition.Value.Raw
		}
	}
}

// costEcho tells the client what its operation cost and may cost.
type costEcho struct{}

// ExtensionName names the extension in gqlgen's statistics.
func (costEcho) ExtensionName() string { return "CostEcho" }

// Validate accepts every schema.
func (costEcho) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptResponse adds extensions.cost to every answer whose cost is known.
func (costEcho) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	if stats := extension.GetComplexityStats(ctx); stats != nil {
		graphql.RegisterExtension(ctx, "cost", map[string]int{"requested": stats.Complexity, "limit": stats.ComplexityLimit})
	}
	return next(ctx)
}

// validationRules are the standard ones and two against what gqlgen accepts and
// cannot do.
func validationRules() *rules.Rules {
	set := rules.NewDefaultRules()
	set.AddRule("NumbersFit", numbersFit)
	set.AddRule("NoDefer", noDefer)
	return set
}

// numbersFit refuses numbers that Go cannot hold, at which the executor panics.
// The standard rules look at Int and Float only, not at scalars of our own.
func numbersFit(observers *core.Events, addError core.AddErrFunc) {
	observers.OnValue(func(_ *core.Walker, value *ast.Value) {
		if value.Definition != nil && value.Definition.BuiltIn {
			return
		}
		var err error
		switch value.Kind { //nolint:exhaustive // only numbers can be too large
		case ast.IntValue:
			_, err = strconv.ParseInt(value.Raw, 10, 64)
		case ast.FloatValue:
			_, err = strconv.ParseFloat(value.Raw, 64)
		}
		if err != nil {
			addError(core.Message("The number %.40s is too large; write it as a string.", value.Raw), core.At(value.Position))
		}
	})
}

// noDefer refuses @defer: an answer is one JSON object, so the deferred part
// would be lost.
func noDefer(observers *core.Events, addError core.AddErrFunc) {
	observers.OnDirective(func(_ *core.Walker, directive *ast.Directive) {
		if directive.Name == "defer" {
			addError(core.Message(`The directive "@defer" is not supported.`), core.At(directive.Position))
		}
	})
}
