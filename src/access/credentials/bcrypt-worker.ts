import { parentPort, workerData } from 'node:worker_threads';
import { compareSync } from 'bcryptjs';

const { password, hashes } = workerData as { readonly password: string; readonly hashes: readonly string[] };
const [matches] = hashes.map((hash) => compareSync(password, hash));
parentPort?.postMessage(matches);
