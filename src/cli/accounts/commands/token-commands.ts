import type { CommandGroup, Option } from '../../program/command.ts';

export const expires: Option = ['--expires <DURATION>', 'end of validity, such as 90d; default: never'];

/** `berth token …` */
export const token: CommandGroup = {
  name: 'token',
  summary: 'manage access tokens',
  commands: [
    {
      name: 'add',
      summary: 'create an access token and print it',
      arguments: [
        ['ACCOUNT', 'account that the token logs in'],
        ['NAME', 'label of the token'],
        ['[SCOPE...]', "PATTERN:ACTIONS that limit the token, such as 'team-a/*:pull'; default: all rights of the account"],
      ],
      options: [expires],
      printsData: true,
      load: async () => (await import('../token.ts')).addToken,
    },
    {
      name: 'list',
      summary: 'list the tokens of an account',
      arguments: [['ACCOUNT', 'name of the account']],
      printsData: true,
      load: async () => (await import('../token.ts')).listTokens,
    },
    {
      name: 'revoke',
      summary: 'revoke a token and end its sessions',
      arguments: [
        ['ACCOUNT', 'name of the account'],
        ['ID', 'id of the token, as berth token list prints it'],
      ],
      load: async () => (await import('../token.ts')).revokeToken,
    },
  ],
};
