import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { OpenObject } from '../../../storage/blobs/driver.ts';
import { isTlsSocket } from '../../platform/tls.ts';
import { ClientGone, departureOf } from '../errors/client-gone.ts';
import { sendfile, sendfileIsAvailable } from './native/sendfile.ts';
import { paceOf, paced } from './pace.ts';
import { lengthOf } from './range.ts';

/** Up to this size one read and one write are cheaper than `sendfile`. */
const smallBytes = 64 * 1024;

/** A client that receives nothing for this long is disconnected. */
const idleMilliseconds = 60_000;

/** How bodies are sent on plain connections. */
export const sendPath: 'sendfile' | 'buffers' = sendfileIsAvailable ? 'sendfile' : 'buffers';

/** Bytes that Node.js does not count, since the kernel sent them. */
const sentByKernel = new WeakMap<ServerResponse, number>();

export function bytesSentByKernel(response: ServerResponse): number {
  return sentByKernel.get(response) ?? 0;
}

/** Transfers in progress; they never reject. */
const kernelTransfers = new WeakMap<ServerResponse, Promise<void>>();

/**
 * Calls `action` when the kernel sends nothing of the response any more, at once if it never did. A client may close its
 * connection before this process learns that the last byte is sent.
 */
export function afterKernelTransfer(response: ServerResponse, action: () => void): void {
  const transfer = kernelTransfers.get(response);
  if (transfer) void transfer.then(action);
  else action();
}

/**
 * Sends the opened range, of `length` bytes, as the response's body and ends the response. Status and headers, with
 * `Content-Length`, are set. Closes the object. Cuts the socket if sending fails or the range has another length, so that the
 * client sees a short body and never other content. Throws `ClientGone`.
 */
export async function sendObject(response: ServerResponse, object: OpenObject, length: number): Promise<void> {
  await appendObject(response, object, length);
  response.end();
}

/** Sends the opened range as `sendObject` does, and does not end the response: more of the body follows. */
export async function appendObject(response: ServerResponse, object: OpenObject, length: number): Promise<void> {
  const { socket } = response;
  await assertLength(response, object, length);
  const isSentByKernel = length > smallBytes && object.fileDescriptor !== undefined && paceOf(response) === undefined;
  if (!isSentByKernel || !isPlain(socket)) return writeObject(response, object, length);
  try {
    await sendByKernel(response, socket, object.fileDescriptor, object.range.first, length);
  } catch (error) {
    response.destroy();
    throw error;
  } finally {
    await object.close();
  }
}

/** Sends bytes and does not end the response. Resolves when the kernel has them. Throws `ClientGone`. */
export function appendBytes(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  return written(response, bytes);
}

/** True if the socket sends bytes unchanged and its file descriptor is known. */
function isPlain(socket: Socket | null): socket is Socket {
  return sendfileIsAvailable && socket instanceof Socket && !isTlsSocket(socket) && descriptorOf(socket) >= 0;
}

/** Returns the file descriptor of a socket, which Node.js exposes only on its handle; -1 if there is none. */
function descriptorOf(socket: Socket): number {
  return (socket as { _handle?: { fd?: number } })._handle?.fd ?? -1;
}

async function sendByKernel(
  response: ServerResponse,
  socket: Socket,
  file: number,
  offset: number,
  length: number,
): Promise<void> {
  response.flushHeaders();
  await flushed(socket);
  const timeout = socket.timeout ?? 0;
  socket.setTimeout(0); // Node.js sees no activity while the kernel sends: the transfer has its own timeout
  const transfer = sendfile(descriptorOf(socket), file, offset, length, idleMilliseconds);
  response.once('close', transfer.cancel);
  const before = bytesSentByKernel(response);
  const recorded = transfer.done.then((bytes) => void sentByKernel.set(response, before + bytes));
  kernelTransfers.set(
    response,
    recorded.catch(() => undefined),
  );
  try {
    await recorded;
  } finally {
    response.off('close', transfer.cancel);
    socket.setTimeout(timeout);
  }
}

/** Resolves when the kernel has everything written so far. */
function flushed(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.destroyed) reject(new ClientGone());
    else if (socket.writableLength === 0) resolve();
    else socket.write('', (error) => (error ? reject(new ClientGone({ cause: error })) : resolve()));
  });
}

/** Rejects a range of another length: additional bytes would look like the start of the next response. */
async function assertLength(response: ServerResponse, object: OpenObject, length: number): Promise<void> {
  const opened = lengthOf(object.range);
  if (opened === length) return;
  response.destroy();
  await object.close();
  throw new Error(`the blob store opened ${opened} bytes, but the response announced ${length}`);
}

/**
 * Writes the opened range, of `length` bytes, into the response, as fast as the client receives it. Closes the object.
 * Destroys the response on failure, also if the object yields fewer or more bytes. Throws `ClientGone`.
 */
export async function writeObject(response: ServerResponse, object: OpenObject, length: number): Promise<void> {
  await assertLength(response, object, length);
  const pace = paceOf(response);
  const departure = pace && departureOf(response);
  let left = length;
  // If the client leaves while the object waits for data, closing the object ends the wait.
  const closeObject = () => void object.close();
  response.once('close', closeObject);
  try {
    for await (const chunk of object.stream()) {
      left -= chunk.length;
      if (left < 0) break;
      if (!departure) await written(response, chunk);
      else for await (const piece of paced(chunk, pace, departure)) await written(response, piece);
    }
    if (response.destroyed) throw new ClientGone();
    if (left !== 0) throw new Error(`the blob store did not yield the ${length} bytes that it opened`);
  } catch (error) {
    const failure = response.destroyed ? new ClientGone({ cause: error }) : error;
    response.destroy();
    throw failure;
  } finally {
    response.off('close', closeObject);
    await object.close();
  }
}

/** Resolves when the kernel has the chunk: only then may its memory be used again. */
function written(response: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new ClientGone());
    if (response.destroyed) return gone();
    response.once('close', gone);
    response.write(chunk, (error) => {
      response.off('close', gone);
      if (error) reject(new ClientGone({ cause: error }));
      else resolve();
    });
  });
}
