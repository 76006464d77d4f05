mod knowledge;
mod price_book;
