// Package engagement tells what people do with a message from what programs do
// in their name.
//
// It stands behind the links and the image of a message that are counted:
//
//  1. whoever follows one makes a [Visit]: which link, when, and how the request
//     introduced itself;
//  2. the visits of one reader to one message that follow each other closely are
//     judged together ([Judge]): a scanner that tries every link is recognised by
//     that, whatever it says of itself;
//  3. each visit gets a [Rule]: [Person], or what gave the program away.
//
// What it cannot know stays unknown. A program that behaves like a person is
// counted as one. Image proxies load images when the reader opens a message,
// some also when nobody does (Apple Mail Privacy Protection): from an image
// alone the two cannot be told apart, so all of them count as programs.
//
// The package opens no connection, reads no clock and stores nothing. It keeps
// no address of a visitor.
package engagement
