import type { Command } from '../../program/command.ts';

/** `berth verify` */
export const verify: Command = {
  name: 'verify',
  summary: 'find missing and damaged blobs; fetch them again',
  options: [
    ['--quick', 'compare existence and size; the default'],
    ['--deep', 'read every byte'],
    ['--sample <PERCENT>', 'read every byte of a part of the blobs, chosen at random, such as 5%'],
    ['--repository <PATTERN>', 'repositories: NAME, PREFIX/* or PREFIX/**; default: all'],
    ['--bandwidth <SIZE>', 'read at most so many bytes a second, such as 50MiB; default: no limit'],
    ['--repair', 'fetch damaged blobs again from upstreams and registries of sync'],
    ['--from <REPOSITORY>', 'fetch all damaged blobs from this mirrored repository, such as ghcr.io/owner/app'],
    ['--orphans', 'compare the listing of the blob store with the records instead'],
    ['--delete-orphans', 'with --orphans: let garbage collection delete blobs without a record'],
  ],
  printsData: true,
  load: async () => (await import('./verify.ts')).verify,
};
