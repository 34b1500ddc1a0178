import { printRecords } from '../program/output.ts';
import { adminCommand } from './admin-command.ts';
import { readAllPages } from './read-pages.ts';

/** `berth repo public` */
export const makePublic = adminCommand(({ administration, operands: [pattern = ''] }) => administration.setPublic(pattern, true));

/** `berth repo private` */
export const makePrivate = adminCommand(({ administration, operands: [pattern = ''] }) =>
  administration.setPublic(pattern, false),
);

/** `berth repo default` */
export const removeRule = adminCommand(({ administration, operands: [pattern = ''] }) =>
  administration.setPublic(pattern, undefined),
);

/** `berth repo list` */
export const listRules = adminCommand(async (invocation) => {
  const rules = await readAllPages(
    '',
    (after, size) => invocation.metadata.visibilities.list(after, size),
    ({ pattern }) => pattern,
  );
  const records = rules.map(({ pattern, isPublic }) => ({ pattern, visibility: isPublic ? 'public' : 'private' }));
  printRecords(invocation, { PATTERN: 'pattern', VISIBILITY: 'visibility' }, records);
});
