series-field-none = Sem série
series-field-none-next = Largar no mapa uma pasta de imagens datadas, de um ou vários sensores; um modelo temporal resume-as num campo.
series-field-from-folder = Nova série de uma pasta…
series-field-what = O quê
series-field-choose = Escolher pelo menos uma série.
series-field-looking = A examinar as imagens…
series-field-when = Quando
series-field-slide = Percorrer o ano
series-field-season = Com o tempo meteorológico
series-field-belief = O que o modelo supõe
series-field-add-folder = Adicionar pasta…
    .tip = Imagens que não precisam de ser camadas: uma pasta de cenas datadas
series-field-no-dates = sem datas
series-field-dates = { $count ->
        [one] { $count } data
       *[other] { $count } datas
    }
series-field-undated = Nenhuma imagem de { $layer } tem data. Pôr o dia no nome de cada ficheiro (scene_2018-05-06.tif), ou junto deles uma tabela dates.csv com as colunas file e date, e abrir de novo a série.
series-field-leave-folder = Não usar esta pasta
series-field-no-image = sem imagem; o modelo dispensa-a
series-field-images = { $count ->
        [one] { $count } imagem
       *[other] { $count } imagens
    }
series-field-bands = Bandas: { $bands }
series-field-days = Dias
series-field-support = Imagens de
    .hint = todos os dias, ou 2018-03-01..2018-09-01
    .tip = O suporte: só são usadas imagens destes dias. Os campos de outros dias são inter- ou extrapolados delas.
series-field-support-none = Não há imagens nestes dias. Escolher outros.
series-field-used = Usadas: { $counts }
series-field-typed-dates = { $count } datas foram escritas na linha do tempo. As tarefas leem as datas dos ficheiros: escrevê-las numa tabela dates.csv junto às imagens, com as colunas file e date.
series-field-more-notes = e mais { $count } notas
series-field-sum-up = Resumir
series-field-own-hint = Um campo cada, separados por vírgulas. O último dia de um intervalo não está incluído.
series-field-period = Período
series-field-choice-seen = { $period }  ·  { $count } imagens
series-field-choice-gap = { $period }  ·  numa lacuna
series-field-choice-beyond = { $period }  ·  além das imagens
series-field-standing = { $period }: { $standing }.
series-field-span = { $first } a { $last }
series-field-fields = { $count } campos, { $span }, com uma só leitura das imagens. Abrem-se como uma série.
series-field-empty = Não há imagens em { $periods }: inter- ou extrapolado.
series-field-empty-more = Não há imagens em { $periods } e mais { $more }: inter- ou extrapolado.
series-field-which-model = Que modelo
series-field-model = Modelo
series-field-weights = Pesos
series-field-device = Dispositivo
series-field-area = Área
series-field-file = Ficheiro
series-field-untrained = Não treinado: não são usados pesos; os campos são os de uma rede aleatória. Treinar um no próprio arquivo (Camada, Treinar um modelo…) ou escolher pesos.
series-field-choose-weights = Escolher um ficheiro .safetensors
series-field-in-view = Na vista, { $width } × { $height } px
series-field-in-view-nothing = Na vista: nada das imagens
series-field-whole = Tudo, { $width } × { $height } px
series-field-choose-out = Escolher onde os campos são escritos; vários recebem o nome dos seus períodos
series-field-make = Criar o campo
series-field-make-several = Criar { $count } campos
series-field-runs = Esta tarefa está em curso
series-field-copy = Copiar como comando
    .tip = A linha de comandos que faz o mesmo
series-field-slide-about = Cria os campos de todos os períodos da parte visível com uma só leitura das imagens. Abrem-se como uma série com cores comuns: a sua linha do tempo é o cursor.
series-field-slide-each = Um campo
series-field-slide-month = cada mês
series-field-slide-year = cada ano
series-field-slide-of = Cada um de
series-field-slide-one-month = um mês
series-field-slide-one-year = um ano
series-field-slide-months = { $months } meses
series-field-slide-of-tip = Mais longos que um mês, os períodos sobrepõem-se: o resumo desliza
series-field-slide-size = { $count } períodos, { $width } × { $height } píxeis em torno do centro da vista.
series-field-slide-make = Criar { $count } períodos da vista
series-field-end-tip = { $end } da mudança é { $period }. Clicar para tomar o período mostrado, { $shown }.
series-field-end-take = Tomar como { $end }
series-field-change = Mudança
    .tip = Cartografa o que mudou de A para B; a medida e o limiar estão em Campo
series-field-change-runs = Em curso
series-field-change-same = A e B são o mesmo período: mostrar outro e premir B
series-field-season-about = Um campo que conhece as imagens e o tempo até ao último dia, e nada depois: para mapas de uma época que não terminou. Só vale para este lugar e não se compara com outro campo.
series-field-season-days-hint = os de cima
series-field-season-days-tip = Imagens de um dia até outro, não incluído: 2018-03-01..2018-06-01
series-field-season-make = Criar o campo da época
series-field-season-weather = Adicionar primeiro o tempo diário do lugar (Camada, Adicionar meteorologia…).
series-field-season-weights = Não há pesos treinados de { $model }. Treinar: Camada, Treinar um modelo…, Tempo.
series-field-season-one = Uma época de cada vez: de um dia até outro.
series-field-name-file = Indicar um ficheiro para o campo.
series-field-belief-about = Desenha o que o modelo supõe que um sensor viu num dia, mesmo sem imagem, e coloca-o ao lado da imagem real mais próxima. É um resultado do modelo, não uma imagem.
series-field-belief-no-sensor = Este modelo não pode desenhar nenhum dos sensores. Escolher outros pesos.
series-field-belief-sensor = Sensor
series-field-belief-date = Data
    .tip = AAAA-MM-DD; vazio: a data mostrada na linha do tempo
series-field-belief-valid-hint = 15 dias antes e depois
series-field-belief-valid-tip = O período de que a imagem é desenhada, com a data dentro: 2018-05 ou 2018-04-20..2018-05-20
series-field-belief-same-day = Imagem real mais próxima: { $date }, desse dia.
series-field-belief-later = Imagem real mais próxima: { $date }, { $days ->
        [one] { $days } dia depois
       *[other] { $days } dias depois
    }.
series-field-belief-before = Imagem real mais próxima: { $date }, { $days ->
        [one] { $days } dia antes
       *[other] { $days } dias antes
    }.
series-field-belief-no-real = Não há imagem real deste sensor para comparar.
series-field-belief-draw = Desenhar
series-field-belief-not-a-date = `{ $text }` não é uma data. Escrever 2018-05-07.
series-field-belief-nothing-to-draw = Não há nenhum sensor para desenhar.
series-field-belief-outside = { $date } não está em { $period }. Escolher um período que a contenha.
series-field-belief-one-period = Escolher um só período em torno da data.
series-field-belief-folder = Indicar uma pasta de imagens.
series-field-belief-layer = Resultado do modelo: { $sensor } em { $date }
series-field-belief-open-series = A imagem real mais próxima é { $image } de { $date }. Abrir a sua série para ver ambas lado a lado.
series-field-no-date = Nenhuma imagem tem data.
series-field-not-in-view = A vista não mostra nenhuma parte destas imagens.
series-field-one-support = São usadas imagens de um só período: de um dia até outro.
series-field-type-days = Escrever os dias: 2018-03-01..2018-09-01, 2018-05 ou 2018; vários com vírgulas.
series-field-one-period-only = As imagens só abrangem um desses períodos.
series-field-periods-layer = { $name }, { $count } períodos
series-field-step-read-again = Reler os resultados
series-field-when-year = Um ano
series-field-when-season = Uma estação
series-field-when-month = Um mês
series-field-when-own = Datas próprias
series-field-when-monthly = Cada mês
series-field-when-yearly = Cada ano
