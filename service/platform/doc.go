// Package platform is what those do who run the platform: act in the place of
// others, announce, and count.
//
// It owns impersonations, announcements and the report on the platform. It does
// not own sign-ins that people begin themselves (sessions), what an
// impersonation may do (access), nor that nothing changes during maintenance
// (records).
package platform
