// Package ent is the generated store of Headwater. Everything in this folder
// but this file and schema/ is generated and never edited.
package ent

//go:generate go tool ent generate --feature intercept,schema/snapshot,sql/lock,sql/upsert,sql/execquery,sql/modifier,sql/versioned-migration ./schema
