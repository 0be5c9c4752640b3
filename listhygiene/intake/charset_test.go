package intake_test

import (
	"strings"
	"testing"

	"golang.org/x/text/encoding/htmlindex"

	"github.com/headwaymail/headway/listhygiene/intake"
)

// charsetLists are lists as people have them, a few rows each.
var charsetLists = map[string]string{
	"polish":     "email,imię,nazwisko,miasto\na@x.example,Łukasz,Wiśniewski,Łódź\nb@x.example,Małgorzata,Wójcik,Gdańsk\nc@x.example,Paweł,Kamiński,Kraków\nd@x.example,Agnieszka,Dąbrowska,Częstochowa\ne@x.example,Grażyna,Żak,Białystok\n",
	"czech":      "email;jméno;město\na@x.example;Jiří Dvořák;Plzeň\nb@x.example;Tomáš Procházka;Ústí nad Labem\nc@x.example;Zdeněk Kučera;České Budějovice\nd@x.example;Žaneta Šťastná;Jihlava\ne@x.example;Růžena Němcová;Liberec\n",
	"hungarian":  "email,név\na@x.example,Erdős Gergő\nb@x.example,Szűcs Erzsébet\nc@x.example,Győri Ödön\nd@x.example,Kőszegi Tünde\n",
	"russian":    "email,имя,город\na@x.example,Иванов Пётр,Москва\nb@x.example,Смирнова Ольга,Казань\nc@x.example,Кузнецов Дмитрий,Самара\nd@x.example,Попова Анна,Томск\n",
	"japanese":   "email,氏名,市\na@x.example,佐藤 健,東京都\nb@x.example,鈴木 さくら,大阪市\nc@x.example,高橋 ユウキ,名古屋市\nd@x.example,田中 花子,横浜市\n",
	"chinese":    "email,姓名,城市\na@x.example,王小明,北京\nb@x.example,李丽华,上海\nc@x.example,张伟,广州市\nd@x.example,陈静,杭州市\ne@x.example,刘洋,成都\n",
	"taiwanese":  "email,姓名,城市\na@x.example,王小明,臺北市\nb@x.example,李麗華,高雄市\nc@x.example,張偉,臺中市\nd@x.example,陳靜,新竹市\n",
	"ukrainian":  "email,ім'я,місто\na@x.example,Олексій Шевченко,Київ\nb@x.example,Юлія Ткаченко,Львів\nc@x.example,Андрій Ковальчук,Одеса\n",
	"korean":     "email,이름,도시\na@x.example,김민수,서울\nb@x.example,이영희,부산\nc@x.example,박지훈,대구\nd@x.example,최수진,인천\ne@x.example,정다은,광주\n",
	"french":     "email,prénom,ville\na@x.example,Hélène,Orléans\nb@x.example,François,Besançon\nc@x.example,Zoë,Saint-Étienne\nd@x.example,Benoît,Nîmes\ne@x.example,Agnès,Châlons\n",
	"german":     "email,name,ort\na@x.example,Jürgen Müller,Köln\nb@x.example,Käthe Weiß,Düsseldorf\nc@x.example,Jörg Schröder,Nürnberg\n",
	"danish":     "email,navn,by\na@x.example,Søren Kjær,Århus\nb@x.example,Bjørn Ødegård,Tromsø\nc@x.example,Åse Næss,Ålesund\n",
	"greek":      "email,όνομα,πόλη\na@x.example,Γιώργος Παπαδόπουλος,Αθήνα\nb@x.example,Μαρία Ιωάννου,Θεσσαλονίκη\nc@x.example,Νίκος Αντωνίου,Πάτρα\nd@x.example,Ελένη Γεωργίου,Ηράκλειο\n",
	"turkish":    "email,ad,şehir\na@x.example,Şükrü Yılmaz,İstanbul\nb@x.example,Ayşe Öztürk,Eskişehir\nc@x.example,Çağlar Işık,Muğla\nd@x.example,Gülşen Doğan,Iğdır\n",
	"hebrew":     "email,שם,עיר\na@x.example,משה כהן,ירושלים\nb@x.example,שרה לוי,חיפה\nc@x.example,דוד מזרחי,אשדוד\nd@x.example,רחל פרץ,באר שבע\n",
	"portuguese": "email,nome,cidade\na@x.example,João Gonçalves,São Paulo\nb@x.example,Conceição Simões,Brasília\nc@x.example,Inês Magalhães,Viseu\n",
	"one_name":   "email,name\na@x.example,Jan\nb@x.example,Zoë\nc@x.example,Ivan\n",
}

// What the bytes do not prove is said to be a guess; what is said to be proven
// is right.
func TestSniffEncodings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		list, stored string
		proven       bool
	}{
		{"polish", "windows-1250", true}, {"polish", "iso-8859-2", true},
		{"czech", "windows-1250", true}, {"czech", "iso-8859-2", true},
		{"hungarian", "windows-1250", false},
		{"russian", "windows-1251", true}, {"russian", "koi8-r", true},
		{"japanese", "shift_jis", true}, {"japanese", "euc-jp", true}, {"ukrainian", "windows-1251", true},
		{"chinese", "gb18030", true}, {"chinese", "gbk", true}, {"taiwanese", "big5", false},
		{"korean", "euc-kr", true},
		{"french", "windows-1252", false}, {"german", "windows-1252", true},
		{"danish", "windows-1252", false}, {"portuguese", "windows-1252", false},
		{"greek", "windows-1253", false}, {"turkish", "windows-1254", false}, {"hebrew", "windows-1255", false},
		{"one_name", "windows-1252", true},
	} {
		t.Run(c.list+" "+c.stored, func(t *testing.T) {
			t.Parallel()
			enc, err := htmlindex.Get(c.stored)
			if err != nil {
				t.Fatal(err)
			}
			text := charsetLists[c.list]
			stored, err := enc.NewEncoder().String(text)
			if err != nil {
				t.Fatal(err)
			}
			sample, err := intake.Sniff([]byte(stored))
			if err != nil {
				t.Fatal(err)
			}
			f := sample.Format
			right := strings.Contains(text, sample.Rows[0].Cells[1])
			t.Logf("%s, proven %v, right %v: %q", f.Encoding, !f.EncodingProposed, right, sample.Rows[0].Cells)
			if !f.EncodingProposed && !right {
				t.Errorf("%s is said to be proven, and reads %q", f.Encoding, sample.Rows[0].Cells)
			}
			if c.proven == f.EncodingProposed {
				t.Errorf("proven is %v, want %v (%s)", !f.EncodingProposed, c.proven, f.Encoding)
			}
			named, err := intake.ParseEncoding(c.stored)
			if err != nil {
				t.Fatal(err)
			}
			if sample, err = intake.SniffAs([]byte(stored), named); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(text, strings.Join(sample.Rows[0].Cells[1:], string(rune(sample.Format.Delimiter)))) || sample.Format.EncodingProposed {
				t.Errorf("named, it reads %q", sample.Rows[0].Cells)
			}
		})
	}
}
