package message_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/headwaymail/headway/campaign/message"
)

func Example() {
	campaign, err := message.Compile(message.Source{
		FromName:    "Example News",
		FromAddress: "news@example.com",
		Subject:     `News for {{ first_name | default: "you" }}`,
		Text:        "Hello {{ first_name }},\n\nthere is news.\n",
		ListID:      "weekly.example.com",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("fields:", campaign.Fields())

	var buffer []byte // used again for the next recipient
	buffer, err = campaign.Append(buffer[:0], message.Recipient{
		Address:        "ana@example.org",
		Fields:         map[string]any{"first_name": "Ana"},
		UnsubscribeURL: "https://news.example.com/u/token",
		MessageID:      "token@example.com",
		Date:           time.Date(2026, 11, 21, 17, 30, 0, 0, time.UTC),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.ReplaceAll(string(buffer), "\r\n", "\n"))
	// Output:
	// fields: [first_name]
	// Date: Sat, 21 Nov 2026 17:30:00 +0000
	// To: ana@example.org
	// From: Example News <news@example.com>
	// Subject: News for Ana
	// Message-ID: <token@example.com>
	// List-Unsubscribe: <https://news.example.com/u/token>
	// List-Unsubscribe-Post: List-Unsubscribe=One-Click
	// List-ID: <weekly.example.com>
	// MIME-Version: 1.0
	// Content-Type: text/plain; charset=utf-8
	// Content-Transfer-Encoding: quoted-printable
	//
	// Hello =
	// Ana=
	// ,
	//
	// there is news.
	//
	// Unsubscribe: =
	// https://news.example.com/u/token
}

func ExampleCompile_mistakes() {
	_, err := message.Compile(message.Source{
		FromAddress: "news@example.com",
		Subject:     "News for {{ first_name",
		HTML:        "<p>Hi</p>\n<a href={{ link }}>Read</a>",
	})
	fmt.Println(err)
	// Output:
	// subject, line 1, column 10: this {{ is never closed; end it with }}, or write {% raw %}{{{% endraw %} to show it as it is
	// html, line 2, column 9: a merge field cannot stand in an attribute without quotes; put the value in quotes, as in href="{{ view_url }}"
}
