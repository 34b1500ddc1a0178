import type { IncomingMessage, ServerResponse } from 'node:http';
import multer from 'multer';
import { OciError } from '../../oci/errors.ts';
import type { StagedArchive } from '../../archives/in/plan.ts';
import { ClientGone } from '../errors/client-gone.ts';
import { bodyChunks, contentLength, invite } from '../transfer/body.ts';

/** What a request says about its archive. */
export interface UploadFacts {
  /** Number of bytes; of a form, at least so many. Undefined: unknown. */
  readonly sizeBytes: number | undefined;
  /** As the browser names the file; '' without a form. */
  readonly fileName: string;
}

/** Receives the bytes of an archive. */
export type Receive = (source: AsyncIterable<Uint8Array>, facts: UploadFacts) => Promise<StagedArchive>;

/** Media types of archives. The bytes decide whether they are compressed. */
const archiveTypes = new Set([
  'application/x-tar',
  'application/tar',
  'application/gzip',
  'application/x-gzip',
  'application/zstd',
  'application/octet-stream',
]);

/**
 * Reads the archive in the body of a request: the body itself, or the file `archive` of a form. `receive` is called when the file
 * begins; `formField` returns the fields before it. Throws 415 for other bodies.
 */
export async function readUpload(request: IncomingMessage, response: ServerResponse, receive: Receive): Promise<StagedArchive> {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === 'multipart/form-data') return readForm(request, response, receive);
  if (archiveTypes.has(type)) return receive(bodyChunks(request, response), { sizeBytes: contentLength(request), fileName: '' });
  throw new OciError('UNSUPPORTED', {
    status: 415,
    message:
      'the body must be an archive, sent as application/x-tar, or a form with the file "archive", sent as multipart/form-data',
  });
}

/** One file, and nothing else that takes memory. */
const formLimits = { files: 1, fields: 4, parts: 5, fieldNameSize: 100, fieldSize: 1024, headerPairs: 20 };
/** More than everything in a form beside the file. */
const largestOverheadBytes = 64 * 1024;

/** The form was cut off or is not valid. */
class BrokenForm extends Error {
  override readonly name = 'BrokenForm';
}

async function readForm(request: IncomingMessage, response: ServerResponse, receive: Receive): Promise<StagedArchive> {
  let received: Promise<StagedArchive> | undefined;
  const ended = new Promise<void>((resolve, reject) => {
    const storage: multer.StorageEngine = {
      _handleFile(_request, file, done) {
        received = receive(bytesOf(file.stream), { sizeBytes: leastFileBytes(request), fileName: file.originalname });
        received.then(
          () => done(null, {}),
          (error: unknown) => {
            reject(error instanceof Error ? error : new Error(String(error))); // at once: multer waits for the end of the request
            done(error);
          },
        );
      },
      // The service has dropped what it received before it failed.
      _removeFile: (_request, _file, done) => done(null),
    };
    const parse = multer({ storage, limits: formLimits }).single('archive');
    invite(request, response);
    parse(request as Parameters<typeof parse>[0], response as Parameters<typeof parse>[1], (error: unknown) => {
      if (error) reject(new BrokenForm(messageOf(error), { cause: error }));
      else resolve();
    });
  });
  try {
    await ended;
    if (received) return await received;
  } catch (error) {
    if (!(error instanceof BrokenForm)) throw error;
    if (request.destroyed && !request.complete) throw new ClientGone({ cause: error });
    throw new OciError('UNSUPPORTED', { status: 400, message: `the form is not valid: ${error.message}` });
  }
  throw new OciError('UNSUPPORTED', { status: 400, message: 'the form has no file "archive"' });
}

/** Returns the least number of bytes that the file of the form can have. */
function leastFileBytes(request: IncomingMessage): number | undefined {
  const length = contentLength(request);
  return length === undefined ? undefined : Math.max(0, length - largestOverheadBytes);
}

/** Returns a field of the form that came before its file, also after `readUpload` has failed. */
export function formField(request: IncomingMessage & { readonly body?: unknown }, name: string): string | undefined {
  const fields = request.body;
  const value = typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}

async function* bytesOf(stream: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  try {
    yield* stream as AsyncIterable<Buffer>;
  } catch (error) {
    throw new BrokenForm(messageOf(error), { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
