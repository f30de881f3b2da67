"""One form for words that mean the same in the name of a body, and which words carry a name.

'Universidad de Córdoba', 'Cordoba University' and 'University of Córdoba' are the same words in
another language or order. The lists are of general language: abbreviations and translations of the
nouns that bodies are named with, and British for American spelling. Names are not stemmed.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

# Words that hold a name together and say nothing, in the languages that bodies are named in;
# "studi" is of "degli studi", which every Italian university has in its name.
_JOINING = """
a an the of for and in on at to by
de la le les du des d l et en un une
e del della delle dello dell degli dei di da studi
do das dos y el los las al i o os
der die den dem fur fuer und von vom zu zum zur im am
van het voor te ten och og av af til pa na w z ve
"""
FUNCTION_WORDS = frozenset(_JOINING.split())

# One form first, then the others.
_FORMS = """
university univ universite universites universidad universidade universita universitat universitaet
 universiteit universitet universitetet universitesi uniwersytet univerzita univerzitet univerza
 universitas universitatea universitaria
institute inst institut instituto istituto instituut institutet instytut institutul instituts
department dept dep departement departamento dipartimento
laboratory lab laboratoire laboratorio laboratorium labs laboratories
centre center ctr centro zentrum centrum centr centros centres centers
hospital hosp hopital hopitaux ospedale krankenhaus ziekenhuis hospitals
academy acad academie academia akademie accademia akademia
college coll collage
school sch
association assoc associacion association associazione asociacion associacao
foundation fdn fundacion fondazione fondation stiftung fundacao stichting fundacja
ministry min ministere ministerio ministerium ministero ministerie
national natl nacional nationale nationaal nazionale
international intl internacional internationale internazionale
agency agence agencia agenzia agentur
council consejo conseil consiglio conselho
research recherche recherches investigacion investigacao ricerca forschung onderzoek
science sci sciences ciencia ciencias wissenschaft wissenschaften scienze scienza
technology technol tech technologies tecnologia tecnologias technologie technologies
engineering eng engn
medicine med medical medicale medicina
polytechnic polytechnique politecnico politecnica polytech politechnika
police polizei policia polizia politie polis policja
government govt gov
organisation organization org
commission commissione comision kommission
society soc societe sociedad societa gesellschaft
federal fed
saint st sankt
mount mt
programme program
defence defense
labour labor
behaviour behavior
licence license
offence offense
grey gray
aluminium aluminum
paediatric pediatric
counter contre
"""


def _one_form_of() -> dict[str, str]:
    forms: dict[str, str] = {}
    first = ""
    for line in _FORMS.strip("\n").splitlines():
        words = line.split()
        if not line.startswith(" "):
            first, *words = words
        for word in words:
            # A word that is a form of two keeps the one that is named first.
            if word != first:
                forms.setdefault(word, first)
    return forms


_ONE_FORM = _one_form_of()
_FORMS_OF: dict[str, list[str]] = {}
for _word, _form in _ONE_FORM.items():
    _FORMS_OF.setdefault(_form, []).append(_word)
# organized, organizations and the like; whole stems stay as they are, so 'size' does no harm.
_AMERICAN = re.compile(r"iz(e[ds]?|ers?|ing|ations?|ational)$")


@lru_cache(maxsize=65_536)
def one_form(word: str) -> str:
    """The form under which a folded word is indexed and asked for."""
    found = _ONE_FORM.get(word)
    if found is not None:
        return found
    return _AMERICAN.sub(r"is\1", word) if "iz" in word else word


def listed_forms_of(form: str) -> list[str]:
    """The words that have this one form, besides those with "iz" in them, which are not listed."""
    listed = _FORMS_OF.get(form, [])
    return listed if form in _ONE_FORM else [form, *listed]


def content_words(words: Sequence[str]) -> tuple[str, ...]:
    """The words that carry a name, in one form and in their order; all of them if none does."""
    carrying = tuple(one_form(word) for word in words if word not in FUNCTION_WORDS)
    return carrying or tuple(one_form(word) for word in words)


def same_words(words: Iterable[str]) -> str:
    """A key that is equal for names of the same content words, whatever their order."""
    return " ".join(sorted(set(words)))
