// Package picture takes in the images that newsletters show.
//
// It stands between the upload of a file and its way into messages:
//
//  1. [Read] looks at the first bytes, not at the name, and says what to do
//     instead of a kind that few mail programs show;
//  2. before anything is decoded, the size that the file claims is held against
//     [MaxPixels], for every frame: a small file can claim to be a large image;
//  3. the image is decoded to its last byte, turned as the camera noted (Exif,
//     orientation), and shrunk to [MaxWidth];
//  4. it is written anew as PNG or JPEG, so that nothing else of the file goes
//     out: where a picture was taken, by whom, what is hidden behind its end. Of
//     an animated GIF only the blocks of the animation are kept, as they are;
//  5. its [Name] is made of its content and its size. What a name leads to can
//     therefore be kept for good by whoever loads it, and the composing of a
//     message knows the size without asking (campaign/message).
//
// The package stores nothing and serves nothing, knows no campaigns, and keeps
// no colour profiles.
package picture
