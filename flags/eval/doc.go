// Package eval decides what value a flag has for one patient at one moment.
package eval
