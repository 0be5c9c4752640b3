// Package frame holds no code, only tests that hold the repository to what it
// says of itself:
//
//  1. the layers: what is pure stays pure, and each technology has its place
//     (layers_test.go);
//  2. the rooms: every package says what it is for, and no file grows past what
//     one can keep in mind (rooms_test.go);
//  3. the frame: the compose file, the Dockerfile and the build that CI runs
//     agree with each other and with the settings (compose_test.go,
//     dockerfile_test.go);
//  4. the documents name every dependency, setting and metric, no command that
//     does not exist, and no file that is not there (documents_test.go).
//
// It knows nothing of mail. What the program does is tested where it is done.
package frame
