// Package keys reads and changes the API keys that people and applications call
// the API with.
//
// It owns who may have a key made and for whom, how long keys live and who sees
// them. It does not own the text of a key (token), its bearer (people), what the
// bearer may do (access) nor finding the bearer of a request (records). Nobody
// makes a key for another person. A project's keys are borne by an application
// that the platform makes for it.
package keys
