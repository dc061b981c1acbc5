// Package ui is what people see: the only room that writes HTML.
//
// A page is a Go struct and a template of the same name. The struct says in types
// all that the page shows; the template only arranges it, and every template is
// executed in a test. Pages are made on the server and work without script; forms
// post to the server, which does what was asked through the same verbs as the API
// and sends the browser on.
//
// # How a page is made
//
// Every page stands in one frame: a header with the product, where one is, who is
// signed in; the page; a footer. Colours, spacing and type are custom properties
// in one stylesheet, in cascade layers, light and dark from the same values. Files
// that a page needs are served under a name with the digest of what is in them, so
// that browsers keep them for a year and never show a stale one.
//
// # What protects it
//
// The policy sent with each page (Content-Security-Policy) allows style and script
// from this server alone, none within the page, no frame, and forms that post
// nowhere else. What a person entered is escaped by the templates for the place
// where it stands. A form is only taken from a page of this server, which access
// sees to for everything that comes with a session.
//
// # What it must never do
//
// It decides nothing. Whether somebody may is said by identity, behind the verbs;
// a page may leave out what its reader may not do, and what it leaves out is
// refused all the same.
package ui
