/** An account as it stands at opening time. */
export interface Account {
  readonly account: string;
  readonly owner: string;
  readonly cents: number;
  readonly isClosed: boolean;
}

const account = (number: string, owner: string, cents: number, isClosed = false): Account => ({ account: number, owner, cents, isClosed });

/** The north bank's customers. */
export const NORTH_ACCOUNTS: readonly Account[] = [
  account('N-1001', 'Ada Campbell', 2_500_000),
  account('N-1002', 'Ben Okafor', 1_200_000),
  account('N-1003', 'Carys Hughes', 840_000),
  account('N-1004', 'Dilip Patel', 3_100_000),
  account('N-1005', 'Ewan MacLeod', 65_000),
  account('N-1006', 'Fatima Khan', 990_000),
  account('N-1007', 'Greta Larsen', 12_000),
  account('N-1008', 'Hamish Reid', 1_750_000),
  account('N-1009', 'Ines Ferreira', 430_000),
  account('N-1010', 'Jonah Abbott', 0, true),
];

/** The south bank's customers. */
export const SOUTH_ACCOUNTS: readonly Account[] = [
  account('S-2001', 'Kezia Quinn', 150_000),
  account('S-2002', 'Liam Walsh', 0),
  account('S-2003', 'Mairi Gill', 720_000),
  account('S-2004', 'Nadia Nowak', 35_000),
  account('S-2005', 'Owen Davies', 1_010_000),
  account('S-2006', 'Priya Singh', 260_000),
  account('S-2007', 'Quentin Ellis', 0, true),
  account('S-2008', 'Rhona Taylor', 95_000),
];

/** Its postings need a second try: the branch's line is bad. */
export const ACCOUNT_ON_A_BAD_LINE = 'S-2008';
