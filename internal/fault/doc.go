// Package fault names what can go wrong.
//
// Every error that reaches a person or a program outside Quorate is one of a
// dozen kinds. The kind alone decides the HTTP status, the gRPC code and the
// exit code of the command line, and this package is the only place that maps
// them. Beside its kind an error says, for the one who asked, what was wrong,
// with which value, and what to do next. The detail for the operator (a store's
// message, a stack of wrapped errors) is kept apart and never sent to a client.
//
//	return fault.New(fault.NotFound, "unknown_region", "there is no region %q", key).
//		Do("list the regions with `quorate region list`")
package fault
