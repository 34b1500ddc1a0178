import type { ServerResponse } from 'node:http';
import type { OpenObject } from '../../storage/blobs/driver.ts';

/**
 * Sends the opened range as the response's body and ends the response. Status and headers, with `Content-Length`, are
 * set. Closes the object. A failure cuts the socket: the client sees a short body, never something else in it.
 */
export async function sendObject(response: ServerResponse, object: OpenObject): Promise<void> {
  await writeObject(response, object);
  response.end();
}

/** Writes the opened range into the response, at the client's pace. Closes the object. Destroys the response on failure. */
export async function writeObject(response: ServerResponse, object: OpenObject): Promise<void> {
  try {
    for await (const chunk of object.stream()) await written(response, chunk);
  } catch (error) {
    response.destroy();
    throw error;
  } finally {
    await object.close();
  }
}

/** Resolves when the chunk has left for the kernel: only then may its memory be used again. */
function written(response: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    if (response.destroyed) reject(new Error('the client is gone'));
    else response.write(chunk, (error) => (error ? reject(error) : resolve()));
    response.once('close', () => reject(new Error('the client is gone')));
  });
}
