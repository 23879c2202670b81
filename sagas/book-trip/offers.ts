/** Something of which there is only so much. */
export interface Offer {
  readonly item: string;
  readonly places: number;
  readonly cents: number;
}

const offer = (item: string, places: number, cents: number): Offer => ({ item, places, cents });

/** Seats for the season. */
export const FLIGHTS: readonly Offer[] = [
  offer('EDI-LIS', 90, 18_900),
  offer('EDI-OSL', 60, 14_500),
  offer('EDI-NAP', 70, 21_000),
  offer('EDI-KEF', 12, 26_500),
  offer('DUB-LIS', 80, 16_400),
  offer('DUB-OSL', 50, 17_700),
  offer('DUB-NAP', 70, 19_900),
  offer('DUB-KEF', 8, 24_000),
];

/** Cars at the airport; none at all in Naples this year. */
export const CARS: readonly Offer[] = [offer('LIS', 60, 12_000), offer('OSL', 40, 16_000), offer('NAP', 0, 9_000), offer('KEF', 5, 21_000)];

/** What a night costs, by city. */
export const NIGHT_CENTS: Readonly<Record<string, number>> = { LIS: 9_500, OSL: 14_000, NAP: 8_800, KEF: 17_500 };
