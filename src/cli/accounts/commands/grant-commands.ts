import type { Command, CommandGroup } from '../../program/command.ts';

/** `berth grant …` */
export const grant: CommandGroup = {
  name: 'grant',
  summary: 'manage the rights of users, robots and teams',
  commands: [
    {
      name: 'add',
      summary: "grant actions, such as: grant add team:devs 'team-a/*' pull,push",
      arguments: [
        ['SUBJECT', 'user:NAME, robot:NAME, team:NAME, authenticated or anonymous'],
        ['PATTERN', "repositories, such as 'team-a/*'"],
        ['ACTIONS', 'pull, add, push, delete and admin, separated by commas'],
      ],
      load: async () => (await import('../grant.ts')).addGrant,
    },
    { name: 'list', summary: 'list the grants', printsData: true, load: async () => (await import('../grant.ts')).listGrants },
    {
      name: 'remove',
      summary: 'revoke a grant',
      arguments: [['ID', 'id of the grant, as berth grant list prints it']],
      load: async () => (await import('../grant.ts')).removeGrant,
    },
  ],
};

/** `berth explain` */
export const explain: Command = {
  name: 'explain',
  summary: 'show what an account may do in a repository, and why',
  arguments: [
    ['ACCOUNT', 'name of a user or robot; anonymous: clients without a login'],
    ['REPOSITORY', 'name of the repository'],
  ],
  printsData: true,
  load: async () => (await import('../explain.ts')).explainAccess,
};
