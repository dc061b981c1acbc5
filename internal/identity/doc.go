// Package identity says who acts and what they may do.
//
// A Principal is a person or a service as it stands at the moment of a request:
// a name by role, the roles it holds, each for some regions or for all. Can is
// a pure function over one table, the only place where power is granted: what
// is not written there is denied. Policy may later demand more of a permitted
// act (a sign-off, evidence, a delay); it can never permit what this table does
// not.
//
// The table reads like the charter it stands for:
//
//	regional lead   may answer an offer in the regions it leads
//	service         may evaluate in the regions its token covers
//	operator        keeps regions, capabilities and tokens; until a governance
//	                body is founded also grants offers; never answers for a region
package identity
