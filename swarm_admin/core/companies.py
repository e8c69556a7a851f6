"""Which company a web address or a name stands for (D30): its registrable domain, and its name as it is compared.

A host that many companies share says nothing about any of them. The public suffix list tells one kind: under a suffix
that a service has entered there (acme.wixsite.com), each name is a customer of the service. The others are kept here,
in one place. An address on such a host is a page of the company, and no key.
Why not tldextract: the same list, behind an HTTP client and a cache on disk that would have to be switched off.
"""

import functools
import unicodedata

from publicsuffixlist import PublicSuffixList

from swarm_admin.core.identifiers.emails import ascii_host
from swarm_admin.core.identifiers.text import lower

# Profiles, posts and listings of companies and people.
NETWORKS = frozenset(
    "linkedin.com lnkd.in facebook.com fb.com fb.me instagram.com threads.net twitter.com x.com t.co youtube.com "
    "youtu.be tiktok.com snapchat.com pinterest.com reddit.com tumblr.com vk.com ok.ru weibo.com wechat.com xing.com "
    "t.me telegram.me telegram.org whatsapp.com wa.me discord.com discord.gg slack.com mastodon.social bsky.app "
    "meetup.com eventbrite.com crunchbase.com glassdoor.com indeed.com kununu.com yelp.com trustpilot.com "
    "tripadvisor.com angel.co wellfound.com producthunt.com ycombinator.com apollo.io zoominfo.com pitchbook.com "
    "g2.com capterra.com clutch.co upwork.com fiverr.com behance.net dribbble.com quora.com stackoverflow.com "
    "wikipedia.org companieshouse.gov.uk northdata.de northdata.com vimeo.com twitch.tv soundcloud.com spotify.com "
    "patreon.com github.com gitlab.com bitbucket.org sourceforge.net researchgate.net academia.edu".split()
)
# Sites, shops, forms and files that anybody can put up there.
BUILDERS = frozenset(
    "google.com googleusercontent.com business.site wix.com wixsite.com wixstudio.com editorx.io squarespace.com "
    "weebly.com wordpress.com blogger.com blogspot.com medium.com substack.com ghost.io webflow.com webflow.io "
    "godaddysites.com jimdo.com jimdosite.com jimdofree.com strikingly.com mystrikingly.com site123.me webnode.com "
    "webnode.page ucraft.net tilda.ws tilda.cc framer.com framer.website framer.app carrd.co notion.so notion.site "
    "canva.com canva.site shopify.com myshopify.com bigcommerce.com mybigcommerce.com ecwid.com etsy.com ebay.com "
    "amazon.com alibaba.com made-in-china.com indiamart.com hubspot.com hubspotpagebuilder.com hs-sites.com "
    "unbouncepages.com leadpages.co clickfunnels.com kartra.com mailchimp.com mailchi.mp typeform.com jotform.com "
    "forms.gle airtable.com trello.com dropbox.com onedrive.com sharepoint.com box.com netlify.app vercel.app "
    "herokuapp.com azurewebsites.net cloudfront.net amazonaws.com firebaseapp.com web.app pages.dev workers.dev "
    "github.io gitlab.io surge.sh glitch.me replit.app replit.dev onrender.com fly.dev bubbleapps.io softr.app "
    "000webhostapp.com 1and1.com strato.de home.pl altervista.org ning.com livejournal.com".split()
)
# Pages of links, short links and calendars.
LINKS = frozenset(
    "linktr.ee lnk.bio bio.link bio.site beacons.ai campsite.bio taplink.cc taplink.at solo.to carrd.com about.me "
    "allmylinks.com linkin.bio msha.ke milkshake.app hoo.be komi.io stan.store later.com bit.ly bitly.com ow.ly "
    "tinyurl.com goo.gl rebrand.ly buff.ly is.gd cutt.ly rb.gy shorturl.at calendly.com cal.com savvycal.com "
    "chilipiper.com linkpop.com znap.link flow.page many.link".split()
)
# Mailboxes for everybody: free mail, and what providers of access give their customers.
MAIL = frozenset(
    "gmail.com googlemail.com outlook.com outlook.de outlook.fr outlook.es outlook.it outlook.jp hotmail.com live.com "
    "live.de live.fr live.nl live.it live.be live.dk live.se live.no live.ca live.cn live.jp live.co.uk live.com.au "
    "live.com.mx msn.com passport.com icloud.com me.com mac.com aol.com aol.de aim.com proton.me protonmail.com "
    "protonmail.ch pm.me tutanota.com tutanota.de tuta.io tuta.com tutamail.com keemail.me zohomail.com zohomail.eu "
    "mail.com email.com usa.com europe.com fastmail.com fastmail.fm hey.com hushmail.com mailbox.org posteo.de "
    "posteo.net web.de freenet.de t-online.de arcor.de mailfence.com disroot.org riseup.net runbox.com ymail.com "
    "rocketmail.com gmx.net vodafone.de o2online.de unity-mail.de online.de kabelmail.de ewetel.net mail.ru inbox.ru "
    "list.ru bk.ru internet.ru rambler.ru ya.ru ukr.net i.ua meta.ua qq.com foxmail.com 163.com 126.com 139.com "
    "sina.com sina.cn sohu.com yeah.net aliyun.com naver.com hanmail.net daum.net nate.com rediffmail.com "
    "orange.fr wanadoo.fr free.fr sfr.fr laposte.net neuf.fr bbox.fr numericable.fr libero.it virgilio.it tiscali.it "
    "alice.it tin.it tim.it aruba.it terra.com.br uol.com.br bol.com.br ig.com.br globo.com comcast.net verizon.net "
    "att.net sbcglobal.net bellsouth.net cox.net charter.net spectrum.net earthlink.net juno.com netzero.net "
    "frontier.com frontiernet.net optonline.net roadrunner.com windstream.net centurylink.net btinternet.com "
    "talktalk.net virginmedia.com ntlworld.com blueyonder.co.uk sky.com bluewin.ch hispeed.ch sunrise.ch chello.at "
    "aon.at a1.net telenet.be skynet.be proximus.be scarlet.be ziggo.nl home.nl kpnmail.nl planet.nl xs4all.nl "
    "hetnet.nl chello.nl seznam.cz centrum.cz email.cz wp.pl o2.pl onet.pl onet.eu interia.pl op.pl tlen.pl abv.bg "
    "telia.com bredband.net online.no broadpark.no mail.dk tdc.dk stofanet.dk elisanet.fi kolumbus.fi telefonica.net "
    "terra.es movistar.es sapo.pt clix.pt otenet.gr forthnet.gr walla.co.il walla.com 012.net.il bigpond.com "
    "bigpond.net.au optusnet.com.au iinet.net.au xtra.co.nz shaw.ca rogers.com sympatico.ca telus.net bell.net "
    "videotron.ca mailinator.com guerrillamail.com yopmail.com 10minutemail.com temp-mail.org".split()
)
SHARED = NETWORKS | BUILDERS | LINKS | MAIL
# Services with a domain of their own in nearly every country.
SHARED_NAMES = frozenset({"yahoo", "hotmail", "gmx", "yandex", "blogspot", "amazon", "ebay", "google"})
# Private suffixes under which companies register names, as under a country's.
REGISTRIES = frozenset(
    "ae.org br.com cn.com co.com co.dm com.de com.se de.com eu.com gb.net gr.com hu.net in.net jp.net jpn.com mex.com "
    "ru.com sa.com se.net uk.com uk.net us.com us.org za.bz za.com eu.org co.nl co.no".split()
)
# How a name ends that says what kind of company it is and not which.
LEGAL_FORMS = frozenset(
    "inc incorporated llc llp lp ltd limited corp corporation co company plc pbc gmbh mbh ug ag kg kgaa ohg gbr se ev "
    "eg sa sas sarl sasu eurl sca srl srls spa snc sapa bv nv vof cv ab as asa aps oy oyj kft zrt sro doo ood ad sl "
    "slu sp zoo jsc ooo pty pte pvt sdn bhd kk ltda eireli sapi cia hf ehf".split()
)
MAX_ADDRESS = 2_000  # characters


class SharedHost(ValueError):
    """The host is one that many companies share: it names no company."""


def registrable(host: str) -> str:
    """The domain that a company registered, of any host under it: "de.acme.co.uk" → "acme.co.uk". Idempotent.

    As an A-label, lower case. A top-level domain that the list does not know is one label.

    Raises:
        SharedHost: many companies share it.
        ValueError: it is no host, or nobody can have registered it.
    """
    return _registrable(ascii_host(host))


@functools.lru_cache(maxsize=16_384)
def _registrable(host: str) -> str:
    if host.rpartition(".")[2].isdecimal():
        raise ValueError("must be a domain name, not an IP address.")
    found = _suffixes().privatesuffix(host)
    by_registry = _suffixes(only_icann=True).privatesuffix(host)
    if not found or not by_registry:
        if by_registry in SHARED:
            raise SharedHost
        raise ValueError("must be a registrable domain.")
    shared = by_registry in SHARED or by_registry.partition(".")[0] in SHARED_NAMES
    if shared or (found != by_registry and by_registry not in REGISTRIES):
        raise SharedHost
    return str(found)


@functools.cache
def _suffixes(*, only_icann: bool = False) -> PublicSuffixList:
    return PublicSuffixList(only_icann=only_icann)


def name_key(name: str) -> str:
    """A company's name as it is compared: "Acme, Inc." and "ACME" are one; "" where it says nothing.

    Without accents, punctuation, case and the legal form at its end.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    bare = "".join(c if c.isalnum() else "" if c in ".'\u2019" else " " for c in lower(plain).replace("ß", "ss"))
    words = bare.split()
    while len(words) > 1 and words[-1] in LEGAL_FORMS:
        words.pop()
    return " ".join(words)
