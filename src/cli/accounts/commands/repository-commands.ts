import type { CommandGroup } from '../../program/command.ts';

/** `berth namespace …` */
export const namespace: CommandGroup = {
  name: 'namespace',
  summary: 'manage the namespaces of users',
  commands: [
    {
      name: 'list',
      summary: 'list the namespaces of users and of deleted accounts',
      printsData: true,
      load: async () => (await import('../namespace.ts')).listNamespaces,
    },
    {
      name: 'release',
      summary: 'give the namespace of a deleted account to the account that now has its name',
      arguments: [['NAME', 'name of the deleted account']],
      printsData: true,
      load: async () => (await import('../namespace.ts')).releaseNamespace,
    },
  ],
};

const pattern = [['PATTERN', "repository or pattern, such as 'free/**'"]] as const;

/** `berth repo …` */
export const repo: CommandGroup = {
  name: 'repo',
  summary: 'manage the visibility of repositories',
  commands: [
    {
      name: 'public',
      summary: 'let every client pull without a login',
      arguments: pattern,
      load: async () => (await import('../repo.ts')).makePublic,
    },
    {
      name: 'private',
      summary: 'require a grant to pull (the default)',
      arguments: pattern,
      load: async () => (await import('../repo.ts')).makePrivate,
    },
    {
      name: 'default',
      summary: 'remove the rule of a repository or pattern',
      arguments: pattern,
      load: async () => (await import('../repo.ts')).removeRule,
    },
    {
      name: 'list',
      summary: 'list the visibility rules',
      printsData: true,
      load: async () => (await import('../repo.ts')).listRules,
    },
  ],
};
