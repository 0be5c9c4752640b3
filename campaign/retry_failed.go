package campaign

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Retryable lists the final states from which a person may have deliveries
// queued again, in the order in which people read them. Neither delivered mail
// nor suppressed addresses are among them.
func Retryable() []DeliveryState {
	var states []DeliveryState
	for _, s := range DeliveryStates {
		if s.Final() && s.May(Queued) {
			states = append(states, s)
		}
	}
	return states
}

// ParseRetryable reads the names of states whose deliveries are to be queued
// again, such as "bounced" and "expired"; each counts once.
func ParseRetryable(names []string) ([]DeliveryState, error) {
	possible := Retryable()
	var states []DeliveryState
	for _, name := range names {
		state := DeliveryState(strings.TrimSpace(name))
		if !slices.Contains(possible, state) {
			words := make([]string, len(possible))
			for i, s := range possible {
				words[i] = string(s)
			}
			return nil, fmt.Errorf("%q cannot be sent again; possible: %s", name, strings.Join(words, ", "))
		}
		if !slices.Contains(states, state) {
			states = append(states, state)
		}
	}
	if len(states) == 0 {
		return nil, errors.New("no state is named of which deliveries are to be sent again")
	}
	return states, nil
}
