import { OciError } from '../oci/errors.ts';

/** Names of entries are arbitrary texts of any length. */
const longestShown = 200;

/** An archive that is not what it should be. The message names the entry, what was expected and what was found. */
export function invalidArchive(message: string, cause?: unknown): OciError {
  return new OciError('MANIFEST_INVALID', { status: 400, message, cause });
}

/** An archive that exceeds a limit. */
export function archiveTooLarge(message: string): OciError {
  return new OciError('SIZE_INVALID', { status: 413, message });
}

/** Quotes a text of the archive for a message. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > longestShown ? `${text.slice(0, longestShown)}…` : text);
}
