package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// set gives a key the value that a source holds for it: text from the
// environment and from flags, TOML's own types from a file.
func (k key) set(raw any) error {
	value, err := parse(raw, k.value.Interface())
	if err != nil {
		return fmt.Errorf("%s: %w", k.path, err)
	}
	k.value.Set(reflect.ValueOf(value))
	return nil
}

// parse turns a raw value into one of the same type as like. Its errors never
// repeat a value where text is wanted: that may be a secret.
func parse(raw, like any) (any, error) {
	text, isText := raw.(string)
	switch like.(type) {
	case string:
		if !isText {
			return nil, errors.New("text in quotes is wanted")
		}
		return text, nil
	case []string:
		return parseList(raw)
	case int:
		if number, is := raw.(int64); is {
			return int(number), nil
		}
		if number, err := strconv.Atoi(strings.TrimSpace(text)); isText && err == nil {
			return number, nil
		}
		return nil, fmt.Errorf("%q is not a whole number", fmt.Sprint(raw))
	case float64:
		switch number := raw.(type) {
		case float64:
			return number, nil
		case int64:
			return float64(number), nil
		}
		if number, err := strconv.ParseFloat(strings.TrimSpace(text), 64); isText && err == nil {
			return number, nil
		}
		return nil, fmt.Errorf("%q is not a number", fmt.Sprint(raw))
	case bool:
		if yes, is := raw.(bool); is {
			return yes, nil
		}
		if yes, err := strconv.ParseBool(strings.TrimSpace(text)); isText && err == nil {
			return yes, nil
		}
		return nil, fmt.Errorf("%q is not true or false", fmt.Sprint(raw))
	case time.Duration:
		if length, err := time.ParseDuration(strings.TrimSpace(text)); isText && err == nil {
			return length, nil
		}
		return nil, fmt.Errorf("%q is not a length of time such as 90s or 5m", fmt.Sprint(raw))
	}
	return nil, fmt.Errorf("settings of type %T cannot be read", like)
}

// parseList reads a list of texts, or one text with commas between the items.
func parseList(raw any) ([]string, error) {
	var list []string
	switch items := raw.(type) {
	case string:
		for item := range strings.SplitSeq(items, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
	case []any:
		for _, item := range items {
			text, is := item.(string)
			if !is {
				return nil, fmt.Errorf("%q in the list is not text in quotes", fmt.Sprint(item))
			}
			list = append(list, strings.TrimSpace(text))
		}
	default:
		return nil, errors.New(`a list such as ["a", "b"] is wanted`)
	}
	return list, nil
}
