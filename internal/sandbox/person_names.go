package sandbox

// firstNames are given names of many languages with their form in an address.
var firstNames = [][2]string{
	{"Ana", "ana"}, {"Łukasz", "lukasz"}, {"Zoë", "zoe"}, {"José", "jose"}, {"Mei", "mei"},
	{"Ibrahim", "ibrahim"}, {"Søren", "soren"}, {"Olga", "olga"}, {"Priya", "priya"}, {"Jürgen", "juergen"},
	{"Amara", "amara"}, {"Noah", "noah"}, {"Eszter", "eszter"}, {"Yusuf", "yusuf"}, {"Chloé", "chloe"},
	{"Marek", "marek"}, {"Ingrid", "ingrid"}, {"Paolo", "paolo"}, {"Hana", "hana"}, {"Tomás", "tomas"},
	{"Leila", "leila"}, {"Victor", "victor"}, {"Nadia", "nadia"}, {"Göran", "goran"}, {"Maria", "maria"},
	{"Kwame", "kwame"}, {"Agnieszka", "agnieszka"}, {"Dmitri", "dmitri"}, {"Fatima", "fatima"}, {"Liam", "liam"},
}

// lastNames are family names with their form in an address.
var lastNames = [][2]string{
	{"Kowalska", "kowalska"}, {"Müller", "mueller"}, {"Sørensen", "sorensen"}, {"García", "garcia"}, {"O'Brien", "obrien"},
	{"Nguyen", "nguyen"}, {"Okafor", "okafor"}, {"Rossi", "rossi"}, {"Novák", "novak"}, {"Lindqvist", "lindqvist"},
	{"Dubois", "dubois"}, {"Silva", "silva"}, {"Patel", "patel"}, {"Haddad", "haddad"}, {"Virtanen", "virtanen"},
	{"Papadopoulos", "papadopoulos"}, {"Yılmaz", "yilmaz"}, {"Wright", "wright"}, {"Popescu", "popescu"}, {"van Dijk", "vandijk"},
	{"Horvat", "horvat"}, {"Bauer", "bauer"}, {"Moreau", "moreau"}, {"Ferrari", "ferrari"}, {"Jansen", "jansen"},
	{"Szabó", "szabo"}, {"Mensah", "mensah"}, {"Petrov", "petrov"}, {"Tanaka", "tanaka"}, {"Campbell", "campbell"},
}

var cities = []string{
	"Warszawa", "Lisboa", "København", "Accra", "Kraków", "Lyon", "Zürich", "Göteborg", "Porto", "Brno",
	"Thessaloniki", "Hà Nội", "Lagos", "İzmir", "Dublin", "Utrecht", "Málaga", "Torino", "Graz", "Cluj",
}

var (
	languages = []string{"pl", "en", "de", "fr", "es", "it", "pt", "sv", "da", "tr"}
	plans     = []string{"free", "basic", "pro"}
)
