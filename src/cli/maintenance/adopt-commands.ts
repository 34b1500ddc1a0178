import type { Command } from '../program/command.ts';

/** `berth adopt` */
export const adopt: Command = {
  name: 'adopt',
  summary: 'take over the store of registry:2 in place',
  options: [
    ['--finish', 'the other registry is read-only or stopped: make the store that of berth'],
    ['--status', 'show what was adopted; read nothing'],
    [
      '--upstream <NAME>',
      'the store is a pull-through cache: adopt it as mirrored content of this entry of mirror.upstreams, or of the one with this URL',
    ],
    ['--assume-cache', 'with --upstream: the store is one of a pull-through cache although it has no scheduler-state.json'],
    [
      '--inventory <FILE>',
      'read the manifest.json of an S3 Inventory (a file, or s3://BUCKET/KEY) instead of listing the bucket',
    ],
    ['--include-cache', 'adopt the content of a pull-through cache like pushed images'],
  ],
  printsData: true,
  load: async () => (await import('./adopt.ts')).adoptStore,
};
