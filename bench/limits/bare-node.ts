/**
 * The least that node:http does for a manifest GET: bytes from memory with the headers that a client needs. Pushes are read
 * and dropped. Started by the setup `node`: bare-node.ts PORT.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

let manifest = Buffer.alloc(0);
let digest = '';

const server = createServer((request, response) => {
  if (request.method === 'GET' || request.method === 'HEAD') {
    response.setHeader('Content-Type', 'application/vnd.docker.distribution.manifest.v2+json');
    response.setHeader('Content-Length', manifest.length);
    response.setHeader('Docker-Content-Digest', digest);
    response.end(manifest);
    return;
  }
  void buffer(request).then((body) => {
    if (request.url?.includes('/manifests/') === true) {
      manifest = body;
      digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
    }
    const isUpload = request.method === 'POST' || request.method === 'PATCH';
    if (isUpload) response.setHeader('Location', '/v2/bench/blobs/uploads/1');
    response.statusCode = isUpload ? 202 : 201;
    response.end();
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1');
