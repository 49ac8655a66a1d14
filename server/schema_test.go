package server_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/headwater-platform/headwater/fault"
)

// tinySchema is an executable schema that runs its fields through the same
// functions of gqlgen as generated code does.
type tinySchema struct{ schema *ast.Schema }

const tinySDL = `
	scalar Decimal
	scalar Odd
	scalar Upload
	scalar Bare
	input LineInput { amount: Decimal, name: String! }
	input AddInput { lines: [LineInput!]!, odd: Odd }
	type Query {
		ok: String
		"Waits until the request is over."
		slow: String
		"Ends the deadline without saying so, as a driver does."
		cancelled: String
		panics: String
		must: String!
		fails(how: String!): String
		decimal(value: Decimal!): String
		bare(id: Bare): String
		number(value: Int): String
		child: Query
		list(first: Int): [Query!]
	}
	type Mutation {
		add(input: AddInput!): String
		store(file: Upload!, note: String): String
		storeAll(files: [Upload!]!): String
	}
	type Subscription { ticks: String }
`

func newTinySchema() tinySchema {
	return tinySchema{gqlparser.MustLoadSchema(&ast.Source{Input: tinySDL})}
}

func (s tinySchema) Schema() *ast.Schema { return s.schema }

func (s tinySchema) Complexity(_ context.Context, _, field string, child int, args map[string]any) (int, bool) {
	if field != "list" {
		return 0, false
	}
	first, ok := args["first"].(int64)
	if !ok {
		first = 50
	}
	return 1 + int(first)*child, true
}

func (s tinySchema) Exec(ctx context.Context) graphql.ResponseHandler {
	oc := graphql.GetOperationContext(ctx)
	done := false
	return func(ctx context.Context) *graphql.Response {
		if done {
			return nil
		}
		done = true
		kind := map[ast.Operation]string{ast.Query: "Query", ast.Mutation: "Mutation"}[oc.Operation.Operation]
		data := object(ctx, oc, kind, oc.Operation.SelectionSet)
		var text writer
		data.MarshalGQL(&text)
		return &graphql.Response{Data: []byte(text)}
	}
}

type writer []byte

func (w *writer) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}

func object(ctx context.Context, oc *graphql.OperationContext, kind string, set ast.SelectionSet) graphql.Marshaler {
	fields := graphql.CollectFields(oc, set, []string{kind})
	out := graphql.NewFieldSet(fields)
	for i, field := range fields {
		switch {
		case field.Name == "__typename":
			out.Values[i] = graphql.MarshalString(kind)
		case field.Name == "__schema" && oc.DisableIntrospection:
			panic("introspection reached the executor")
		case field.Name == "__schema":
			out.Values[i] = graphql.MarshalString("the schema")
		default:
			out.Concurrently(i, func(ctx context.Context) graphql.Marshaler { return resolve(ctx, oc, kind, field) })
		}
	}
	out.Dispatch(ctx)
	return out
}

func resolve(ctx context.Context, oc *graphql.OperationContext, kind string, field graphql.CollectedField) graphql.Marshaler {
	describe := func(ctx context.Context, field graphql.CollectedField) (fc *graphql.FieldContext, err error) {
		fc = &graphql.FieldContext{Object: kind, Field: field, IsResolver: true}
		if len(field.Definition.Arguments) == 0 {
			return fc, nil
		}
		defer func() {
			if p := recover(); p != nil {
				err = oc.Recover(ctx, p)
				oc.Error(ctx, err)
			}
		}()
		ctx = graphql.WithFieldContext(ctx, fc)
		if fc.Args, err = arguments(ctx, field.ArgumentMap(oc.Variables)); err != nil {
			oc.Error(ctx, err)
			return fc, err
		}
		return fc, nil
	}
	run := func(ctx context.Context) (any, error) {
		return answerOf(ctx, field.Name, graphql.GetFieldContext(ctx).Args)
	}
	marshal := func(ctx context.Context, selections ast.SelectionSet, v string) graphql.Marshaler {
		if len(selections) > 0 {
			return object(ctx, oc, "Query", selections)
		}
		return graphql.MarshalString(v)
	}
	return graphql.ResolveField(ctx, oc, field, describe, run, nil, marshal, true, field.Definition.Type.NonNull)
}

// arguments coerces as generated code does: every step knows its path.
func arguments(ctx context.Context, raw map[string]any) (map[string]any, error) {
	args := map[string]any{}
	for name := range raw {
		value, err := graphql.ProcessArgField(ctx, raw, name, func(ctx context.Context, v any) (any, error) { return coerce(ctx, name, v) })
		if err != nil {
			return nil, err
		}
		args[name] = value
	}
	return args, nil
}

func coerce(ctx context.Context, name string, v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if _, err := coerce(graphql.WithPathContext(ctx, graphql.NewPathWithField(key)), key, inner); err != nil {
				return nil, err
			}
		}
		return v, nil
	case []any:
		for i, inner := range v {
			ctx := graphql.WithPathContext(ctx, graphql.NewPathWithIndex(i))
			if _, err := coerce(ctx, name, inner); err != nil {
				return nil, err
			}
		}
		return v, nil
	}
	switch text := fmt.Sprint(v); {
	case (name == "value" || name == "amount") && text == "x":
		return nil, graphql.ErrorOnPath(ctx, fault.Invalidf("", "not a decimal"))
	case name == "odd" || name == "id":
		return nil, graphql.ErrorOnPath(ctx, fmt.Errorf("%T is not odd", v))
	case name == "value" && text == "panic":
		panic("a scalar panics")
	}
	return v, nil
}

func answerOf(ctx context.Context, field string, args map[string]any) (any, error) {
	switch field {
	case "ok", "child", "list":
		return field, nil
	case "slow":
		<-ctx.Done()
		return nil, fmt.Errorf("wait: %w", ctx.Err())
	case "cancelled":
		<-ctx.Done()
		return nil, errors.New("pq: canceling statement due to user request")
	case "panics":
		panic("the resolver's secret")
	case "must":
		var nothing any
		return nothing, nil
	case "fails":
		return nil, failure(args["how"].(string))
	case "store":
		return contents(args["file"].(graphql.Upload))
	case "storeAll":
		all := ""
		for _, file := range args["files"].([]any) {
			text, err := contents(file.(graphql.Upload))
			if err != nil {
				return nil, err
			}
			all += text + ";"
		}
		return all, nil
	}
	return fmt.Sprint(args), nil
}

func failure(how string) error {
	switch how {
	case "plain":
		return errors.New("dial tcp 10.0.0.1:5432: password secret")
	case "invalid":
		return fault.Invalidf("name", "a name has at most 80 characters")
	case "wrapped":
		return fmt.Errorf("load organization: %w", fault.Missing("organization"))
	case "joined":
		return errors.Join(errors.New("secret"), fault.New(fault.Conflict, "the name is taken").Because(fault.NameTaken))
	case "details":
		return fault.New(fault.SettingLocked, "locked above").With("lockedBy", "org_1").With("code", "FAKE")
	case "cause":
		return &fault.Error{Code: fault.NotFound, Message: "group not found", Err: errors.New("secret")}
	case "fault internal":
		return &fault.Error{Code: fault.Internal, Message: "secret", Err: errors.New("deeper")}
	case "unmarshalable":
		return fault.New(fault.Conflict, "odd").With("number", math.NaN())
	}
	panic(how)
}

func contents(file graphql.Upload) (string, error) {
	text, err := io.ReadAll(file.File)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return fmt.Sprintf("%s %s %d %d %s", file.Filename, file.ContentType, file.Size, len(text), hex.EncodeToString(sum[:4])), nil
}
