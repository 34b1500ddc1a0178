/**
 * - `not_found`: the image, or the path in it, does not exist or is not stored here.
 * - `unsupported`: the manifest is not that of an image whose layers berth can read.
 * - `not_ready`: the index is not there, and the request needs it.
 */
export type ImageErrorCode = 'not_found' | 'unsupported' | 'not_ready';

/** The contents of an image cannot be shown. The message is for the client. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
