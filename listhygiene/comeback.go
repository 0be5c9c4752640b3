package listhygiene

// Bar is a suppression that holds, as the rule about coming back sees it.
type Bar struct {
	Reason SuppressionReason
	List   int64 // 0 for everything that is sent
	// Own says that the person left by a link or address of a message to this
	// very address: nobody entered it for them, and it came with no file.
	Own bool
}

// MayComeBack reports whether a person may put themselves on a list again from
// the page of their own messages: they left it themselves, and nothing else
// stands in the way. Whoever complained, bounced or was entered by somebody has
// other ways: complaints are for good, the others are lifted by an operator.
func MayComeBack(list int64, bars []Bar) bool {
	left := false
	for _, b := range bars {
		if b.List != 0 && b.List != list {
			continue
		}
		if b.Reason != Unsubscribed || !b.Own {
			return false
		}
		left = true
	}
	return left
}
