/* task/image.h - the live bytes of a stack as few bytes.
 *
 * A suspended stack holds words: zeros, addresses of the program, and the same addresses again. An
 * image has two bits a word for what it is, four words a byte, and behind these what is needed to
 * make it again: nothing for a zero, one byte for a value that is among the last sixteen different
 * ones, six bytes for what fits them, eight for the rest.
 *
 * Pure computation. The bytes are read and written as they are, also those that a sanitizer has
 * marked: it keeps its marks meanwhile. In builds with AddressSanitizer an image is a plain copy,
 * so that its leak checker finds the pointers in it.
 */
#ifndef WEIR_TASK_IMAGE_H
#define WEIR_TASK_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that an image of `words` may need. */
static inline size_t weir__image_room(size_t words)
{
    return (words + 3) / 4 + words * sizeof(uint64_t);
}

/* Writes the image of `words` aligned words; the bytes of it. `out` has room. */
size_t weir__image_encode(const uint64_t *from, size_t words, unsigned char *out);
/* Makes the words of an image again. */
void weir__image_decode(const unsigned char *image, uint64_t *to, size_t words);

#endif
