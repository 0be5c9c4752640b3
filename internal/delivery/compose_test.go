package delivery

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gomessage "github.com/emersion/go-message"

	"github.com/headwaymail/headway/campaign"
	"github.com/headwaymail/headway/campaign/token"
	"github.com/headwaymail/headway/internal/dkim"
	"github.com/headwaymail/headway/internal/postgres"
)

const written = "[Shop](https://shop.test/a?x=1&y=2), [again](https://shop.test/a?x=1&y=2), [mine](https://shop.test/{{ id }}), " +
	"[page]({{ view_url }}), [mail](mailto:a@shop.test), [home](https://news.sender.test/), [leave]({{ unsubscribe_url }})\n"

// addressed returns the parts of a campaign's message to contact 7, decoded, and
// the keys of its tokens. The numbers of the links begin with 41.
func addressed(t *testing.T, change func(*postgres.Campaign)) (text, html string, tokens *token.Keyring) {
	t.Helper()
	tokens, err := token.NewKeyring(0, map[int][]byte{0: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	key, err := dkim.GenerateEd25519()
	if err != nil {
		t.Fatal(err)
	}
	composer := &Composer{Tokens: tokens, Pool: dkim.NewPool(), PublicURL: "https://news.sender.test", TrackingURL: "https://t.sender.test", BounceDomain: "b.sender.test",
		Signers: func(context.Context, string) ([]*dkim.Signer, error) {
			return []*dkim.Signer{{Domain: "sender.test", Selector: "s", Key: key}}, nil
		},
		Links: func(_ context.Context, _ int64, links []string) ([]int, error) {
			numbers := make([]int, len(links))
			for i := range links {
				numbers[i] = 41 + i
			}
			return numbers, nil
		}}
	camp := postgres.Campaign{ID: 3, LaunchedAt: time.Now(), Settings: campaign.DefaultSettings(),
		Content: campaign.Content{FromAddress: "news@sender.test", Subject: "News", Markdown: written}}
	change(&camp)
	letter, err := composer.letter(t.Context(), camp)
	if err != nil {
		t.Fatal(err)
	}
	raw, _, err := letter.address(t.Context(), nil, postgres.Claimed{Campaign: 3, Contact: 7, Address: "ana@a.test", Fields: map[string]any{"id": "9"}}, false, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	entity, err := gomessage.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for reader := entity.MultipartReader(); ; {
		part, err := reader.NextPart()
		if err != nil {
			break
		}
		body, err := io.ReadAll(part.Body)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, string(body))
	}
	if len(parts) != 2 {
		t.Fatalf("%d parts in\n%s", len(parts), raw)
	}
	return parts[0], parts[1], tokens
}

var countedLink = regexp.MustCompile(`https://t\.sender\.test/([co])/([a-z2-7]+)`)

// led returns the links that the counted addresses of a part name, and how many
// images it has.
func led(t *testing.T, part string, tokens *token.Keyring) (links []uint64, images int) {
	t.Helper()
	for _, m := range countedLink.FindAllStringSubmatch(part, -1) {
		purpose := token.Click
		if m[1] == "o" {
			purpose, images = token.Open, images+1
		}
		claims, err := tokens.Verify(m[2], purpose, time.Now())
		if err != nil || claims.Campaign != 3 || claims.Contact != 7 {
			t.Fatalf("%s: %+v, %v", m[0], claims, err)
		}
		if purpose == token.Click {
			links = append(links, claims.Link)
		}
	}
	return links, images
}

func TestMessagesCountWhatTheirCampaignCounts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*postgres.Campaign)
		links  []uint64
		images int
	}{
		"by default": {func(*postgres.Campaign) {}, []uint64{41, 41, 42}, 0},
		"all":        {func(c *postgres.Campaign) { c.Settings.Tracking = campaign.Tracking{Clicks: true, Opens: true} }, []uint64{41, 41, 42}, 1},
		"opens":      {func(c *postgres.Campaign) { c.Settings.Tracking = campaign.Tracking{Opens: true} }, nil, 1},
		"nothing":    {func(c *postgres.Campaign) { c.Settings.Tracking = campaign.Tracking{} }, nil, 0},
		"a test":     {func(c *postgres.Campaign) { c.System = true }, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, html, tokens := addressed(t, test.change)
			links, images := led(t, html, tokens)
			if !slices.Equal(links, test.links) || images != test.images {
				t.Errorf("the HTML counts links %v and %d images, want %v and %d:\n%s", links, images, test.links, test.images, html)
			}
			links, images = led(t, text, tokens)
			if !slices.Equal(links, test.links) || images != 0 {
				t.Errorf("the text counts links %v and %d images, want %v and none:\n%s", links, images, test.links, text)
			}
			if own := strings.Contains(html, "https://shop.test/9"); own != (test.links == nil) {
				t.Errorf("the reader's own address is in the HTML: %t\n%s", own, html)
			}
			for _, direct := range []string{"mailto:a@shop.test", `"https://news.sender.test/"`, "https://news.sender.test/v/", "https://news.sender.test/u/"} {
				if !strings.Contains(html, direct) {
					t.Errorf("%s is not in\n%s", direct, html)
				}
			}
		})
	}
}

// Who takes a message may sign it: it then leaves as it is. Nothing leaves without
// any signature.
func TestSignedElsewhere(t *testing.T) {
	t.Parallel()
	tokens, err := token.NewKeyring(0, map[int][]byte{0: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	composer := &Composer{Tokens: tokens, Pool: dkim.NewPool(), PublicURL: "https://news.sender.test", BounceDomain: "b.sender.test",
		Signers: func(context.Context, string) ([]*dkim.Signer, error) { return nil, nil }}
	camp := postgres.Campaign{ID: 3, LaunchedAt: time.Now(), Settings: campaign.DefaultSettings(),
		Content: campaign.Content{FromAddress: "news@sender.test", Subject: "News", Markdown: written}}
	if _, err := composer.letter(t.Context(), camp); err == nil || !strings.Contains(err.Error(), "sender.test has no DKIM key") {
		t.Fatalf("without a key, and with mail that no relay signs: %v", err)
	}
	composer.RelaysSign = true
	letter, err := composer.letter(t.Context(), camp)
	if err != nil {
		t.Fatal(err)
	}
	to := postgres.Claimed{Campaign: 3, Contact: 7, Address: "ana@a.test", Fields: map[string]any{"id": "9"}}
	raw, _, err := letter.address(t.Context(), nil, to, true, time.Now())
	if err != nil || bytes.Contains(raw, []byte("DKIM-Signature")) || !bytes.Contains(raw, []byte("Subject: News")) {
		t.Errorf("%v, or this is no unsigned message: %.200s", err, raw)
	}
	if _, _, err := letter.address(t.Context(), nil, to, false, time.Now()); !errors.Is(err, errUnsigned) {
		t.Errorf("to somebody who does not sign: %v", err)
	}
}

// An image of our own is loaded from the public address, at a width that Outlook
// keeps to, in newsletters and in tests.
func TestMessagesShowImages(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("a", 32) + "-1200x600.jpg"
	for what, system := range map[string]bool{"a newsletter": false, "a test": true} {
		_, html, _ := addressed(t, func(c *postgres.Campaign) {
			c.Content.Markdown, c.System = "![Hills](/i/"+name+")", system
		})
		if want := `<img src="https://news.sender.test/i/` + name + `" width="600" height="300" style="max-width:100%;height:auto" alt="Hills">`; !strings.Contains(html, want) {
			t.Errorf("%s lacks %s:\n%s", what, want, html)
		}
	}
}
