package token_test

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign/token"
)

func Example() {
	keys, err := token.NewKeyring(1, map[int][]byte{1: bytes.Repeat([]byte("k"), 32)})
	if err != nil {
		fmt.Println(err)
		return
	}
	launched := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	bounce := keys.Mint(token.Claims{Purpose: token.Bounce, Campaign: 42, Contact: 1_000_001, Day: launched})
	fmt.Println("b." + bounce + "@bounce.example.com")

	claims, err := keys.Verify(strings.ToUpper(bounce), token.Bounce, launched.AddDate(0, 0, 3))
	fmt.Println(claims.Campaign, claims.Contact, err)
	_, err = keys.Verify(bounce, token.Unsubscribe, launched)
	fmt.Println(err)
	_, err = keys.Verify(bounce, token.Bounce, launched.AddDate(0, 2, 0))
	fmt.Println(err)
	// Output:
	// b.aeqsvqmehvisuunvwwy6reoqrntji@bounce.example.com
	// 42 1000001 <nil>
	// token made for another purpose: bounce, not unsubscribe
	// token expired: minted on 2026-11-21
}
