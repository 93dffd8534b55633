/** Money: an exact amount beside its currency's code. */
import { currencyName, formatAmount } from "../money";

interface MoneyProps {
  amount: string;
  currency: string;
  isBig?: boolean;
}

export function Money({ amount, currency, isBig = false }: MoneyProps) {
  return (
    <span className={`money${isBig ? " big" : ""}`}>
      {formatAmount(amount)}
      <abbr className="code" title={currencyName(currency)}>
        {currency}
      </abbr>
    </span>
  );
}
