/** An article as the warehouse knows it. */
export interface Product {
  readonly sku: string;
  readonly name: string;
  readonly cents: number;
  /** Units at opening time; the few with little are fought over, those with none are sold out. */
  readonly opening: number;
  readonly isBulky: boolean;
}

const MANY = 1_000_000;
const product = (sku: string, name: string, cents: number, opening = MANY, isBulky = false): Product => ({
  sku,
  name,
  cents,
  opening,
  isBulky,
});

/** What the shop sells. The generator of the orders and the warehouse both read it. */
export const CATALOGUE: readonly Product[] = [
  product('TEA-ASSAM-250', 'Assam tea, 250 g', 890),
  product('TEA-SENCHA-100', 'Sencha, 100 g', 1_150),
  product('TEA-ROOIBOS-200', 'Rooibos, 200 g', 640),
  product('TEA-EARLGREY-250', 'Earl Grey, 250 g', 920),
  product('TEA-MINT-80', 'Peppermint, 80 g', 450),
  product('COFFEE-HOUSE-500', 'House blend coffee, 500 g', 1_290),
  product('COFFEE-DECAF-500', 'Decaffeinated coffee, 500 g', 1_390),
  product('COFFEE-YIRGA-250', 'Yirgacheffe coffee, 250 g', 1_480),
  product('MUG-STONE-GREY', 'Stoneware mug, grey', 1_400),
  product('MUG-STONE-BLUE', 'Stoneware mug, blue', 1_400),
  product('POT-CAST-08', 'Cast-iron teapot, 0.8 l', 5_900),
  product('KETTLE-GOOSE-1', 'Gooseneck kettle, 1 l', 6_450),
  product('FILTER-PAPER-100', 'Paper filters, 100 pieces', 520),
  product('GRINDER-HAND', 'Hand grinder', 8_900),
  product('SCALE-POCKET', 'Pocket scale', 3_250),
  product('HONEY-HEATHER-340', 'Heather honey, 340 g', 780),
  product('BISCUIT-GINGER-200', 'Ginger biscuits, 200 g', 380),
  product('BISCUIT-OAT-300', 'Oat biscuits, 300 g', 420),
  product('TOWEL-LINEN', 'Linen tea towel', 1_100),
  product('BOOK-TEAROADS', 'Tea Roads, hardback', 2_800),
  product('MUG-FESTIVAL-26', 'Festival mug, limited', 2_200, 40),
  product('TEA-FIRSTFLUSH-50', 'First flush Darjeeling, 50 g', 2_650, 60),
  product('COFFEE-GEISHA-100', 'Geisha coffee, 100 g', 3_900, 0),
  product('POT-RAKU-06', 'Raku teapot, signed', 14_500, 0),
  product('TABLE-OAK-120', 'Oak tea table, 120 cm', 34_900, MANY, true),
  product('CABINET-PINE', 'Pine crockery cabinet', 58_000, MANY, true),
  product('ROASTER-DRUM-2', 'Drum roaster, 2 kg', 79_900, MANY, true),
];
