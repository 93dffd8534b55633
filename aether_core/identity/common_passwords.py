"""The commonest passwords in lower case, and the words that they are made of.

From what public counts of leaked passwords agree on at their top. Longer guesses are left to the
limits on sign-ins: ten a few minutes do not get through even this list.
"""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final = """
00000000 01234567 012345678 0123456789 0987654321 0987654321a 09876543210 11111111 111111111
1111111111 11223344 1122334455 112233445566 12121212 12341234 1234512345 123454321 12345678
123456789 1234567890 1234567891 123456789a 123456789q 12345678900 12345678910 1234567a 12345678a
1234abcd 1234qwer 12344321 123123123 1231231234 123321123 123qweasd 123qweasdzxc 123abc123
123456abc 123456aa 123456qwerty 123654789 147258369 1472583690 147852369 159357456 159753456
1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc 1qazxsw2 1qaz@wsx 20202020 21212121
22222222 31415926 33333333 44444444 55555555 66666666 69696969 77777777 87654321 88888888
987654321 9876543210 98765432 99999999 a1234567 a12345678 a123456789 a1b2c3d4 a1b2c3d4e5
aa123456 aa12345678 abc12345 abcd1234 abcdefgh abcdefg1 abcdef123 access14 admin123 admin1234
admin12345 admin@123 administrator aether123 alexander america1 andrew123 anthony1 asd12345
asdasdasd asdf1234 asdfasdf asdfghjk asdfghjkl asdfghjkl1 asdfjkl; aaaaaaaa abcabcabc baseball
baseball1 basketball batman123 blink182 bismillah bubbles1 butterfly carolina changeme changeme1
changeme123 charlie1 cheesecake chelsea1 chocolate christian christopher cocacola computer
computer1 corvette creative danielle december default123 dolphins dragon123 einstein elizabeth
facebook football football1 football123 freedom1 garfield gfhjkmgfhjkm giovanni godzilla
google123 goldfish guest123 hannah123 hello123 hello1234 helloworld iceman123 iloveyou iloveyou1
iloveyou2 iloveyou! iloveyou123 internet jennifer jessica1 jordan23 jonathan juventus kawasaki
killer123 knight123 lakers24 letmein1 letmein123 liverpool liverpool1 loveyou1 login123
manchester marlboro master123 matthew1 mercedes metallica michael1 michelle microsoft minecraft
mountain monkey123 monkey12 mustang1 myspace1 nicholas nirvana1 nothing1 november november1
october1 p@ssw0rd p@ssword p@ssw0rd1 p@ssw0rd123 pa$$w0rd pa55word parola123 passw0rd passw0rd1
password password! password. password0 password01 password1 password1! password11 password12
password123 password123! password1234 password12345 password123456 password2 password3 password7
password9 password99 passwort passwort1 pokemon1 pokemon123 princess princess1 q1w2e3r4
q1w2e3r4t5 q1w2e3r4t5y6 qazwsx123 qazwsxedc qazxswedc qaz123wsx qwer1234 qwert123 qwert12345
qwerty12 qwerty123 qwerty1234 qwerty12345 qwerty123456 qwerty1! qwertyui qwertyuiop qwertyuiop1
qweasdzxc qweqweqwe qwaszx12 rainbow1 rangers1 remember research robinson root1234 samantha
samsung1 samsung123 scooter1 secret12 secret123 september shadow123 skywalker slipknot slayer66
snickers snowball soccer12 spiderman spiderman1 starwars starwars1 steelers strawberry sunshine
sunshine1 superman superman1 superstar temp1234 temppass test1234 test12345 testtest testing1
testing123 thomas123 tigger123 tottenham trinity1 trustno1 unknown1 user1234 valentina valentine
vanessa1 victoria victory1 welcome1 welcome1! welcome12 welcome123 welcome1234 welcome2 whatever
whatever1 william1 windows1 winston1 xbox360x yankees1 yamaha123 zaq12wsx zaq1zaq1 zaq1xsw2
zaq!2wsx zxcasdqwe zxcv1234 zxcvbnm1 zxcvbnm123 zxcvbnm, zxczxczxc
"""

COMMON_PASSWORDS: Final = frozenset(_WORDS.split())

# Words that are commoner in passwords than anywhere else, in no entry above by themselves.
_MORE_WORDS: Final = """
admin angel apple april august autumn banana buster changeme cheese chelsea cookie daniel dragon
flower friday ginger guest hello hunter jessica jordan letmein login london love lovely
maggie march master matrix michael monday monkey mustang ninja orange passphrase pepper please
pokemon purple qwerty ranger root secret shadow silver soccer spring summer sunday test thomas
tigger user welcome william winter yellow
"""

COMMON_WORDS: Final = frozenset(
    word
    for word in (
        *_MORE_WORDS.split(),
        *(re.sub(r"[^a-z]", "", entry) for entry in COMMON_PASSWORDS if entry.isascii()),
    )
    if len(word) >= 4
)
"""What is left of them without digits and signs."""
