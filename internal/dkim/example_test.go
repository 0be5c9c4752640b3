package dkim_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/headwaymail/headway/internal/dkim"
)

func ExampleSign() {
	key, err := dkim.GenerateRSA(2048)
	if err != nil {
		fmt.Println(err)
		return
	}
	message := []byte("From: news@example.com\r\nTo: ana@example.org\r\nSubject: Hello\r\n\r\nHello.\r\n")
	signer := &dkim.Signer{Domain: "example.com", Selector: "h1", Key: key}
	signed, err := dkim.Sign(nil, message, time.Unix(1795282200, 0), signer)
	if err != nil {
		fmt.Println(err)
		return
	}
	header, _, _ := strings.Cut(string(signed), " bh=")
	fmt.Println(strings.ReplaceAll(header, "\r\n", "\n"))
	// Output:
	// DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=h1;
	//  t=1795282200; h=From:From:Reply-To:To:To:Cc:Subject:Subject:Date:Message-ID
	//  :MIME-Version:Content-Type:Content-Transfer-Encoding:List-Unsubscribe
	//  :List-Unsubscribe-Post:Feedback-ID;
}
